"""Headers on every answer: what a browser may do with a page of ours, and who may keep it."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from flask import Flask, Response, request

from digest.settings.loading import Settings
from digest.web.origins import declared_origins

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'"
)
# The pages with a form have a small script: the button says that it is busy. Others have none but
# those of the desk, which all keep what is typed in their forms.
SCRIPTED = frozenset(
    {"subscribe", "confirm", "unsubscribe", "preferences", "control", "issues", "frames", "boxes"}
    | {"sending"}
    | (PASSKEYS := frozenset({"sign_in", "again", "passkeys"}))
    # An issue's page is answered by each of them.
    | (COMPOSING := frozenset({"desk_issue", "compose", "preflight"}))
)
# Pages whose script asks us for more: for what a passkey is to sign, for how an issue goes, to save
# what is typed, and, where they show what stands on other sites, for its words, as it does there.
ASKING = PASSKEYS | COMPOSING | {"boxes", "sending"}
# Pages with a frame of ours: an issue as its readers get it, or what stands on other sites.
FRAMING = COMPOSING | {"as_reader", "boxes"}
# Pages that other sites hold in an iframe: those whose origin is declared.
FRAMED = frozenset({"frames"})
# A token in the address is all that its page needs: nobody else may learn it.
TOKEN_PATHS = (
    "/confirm/",
    "/unsubscribe/",
    "/preferences",
    "/u/",
    "/p/",
    "/c/",
    "/r/",
    "/a/",
    "/desk/password/",
    "/desk/demo/",
)
UNLISTED = "noindex, nofollow"
OF_TOKENS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": UNLISTED,
}
# Behind a sign-in: for nobody's cache.
DESK = "/desk/"


def add_security_headers(app: Flask, settings: Settings) -> None:
    """Add the headers, leaving alone what a view has set itself."""
    app.jinja_env.globals["scripted"] = scripted
    app.jinja_env.globals["framed"] = framed
    app.jinja_env.globals["keeps_typed"] = keeps_typed
    # Where only a path is ours, whether all of the host is https is not ours to say.
    https = settings.public_url.startswith("https://") and not settings.public_path
    app.after_request(_sealer(https))


def scripted() -> bool:
    """Tell whether the page that answers this request may have our script."""
    return request.blueprint in SCRIPTED or keeps_typed()


def keeps_typed() -> bool:
    """Tell whether the page that answers this request may have the script of the desk's forms."""
    return request.path.startswith(DESK) and not request.path.startswith(TOKEN_PATHS)


def framed() -> bool:
    """Tell whether the page that answers this request stands in a frame of another site."""
    return request.blueprint in FRAMED


def _sealer(https: bool) -> Callable[[Response], Response]:
    def seal(response: Response) -> Response:
        headers, path = response.headers, request.path
        with_token, at_desk = path.startswith(TOKEN_PATHS), path.startswith(DESK)
        if with_token:
            headers.update(OF_TOKENS)
        if at_desk:
            headers["X-Robots-Tag"] = UNLISTED
        origins = tuple(declared_origins()) if framed() else None
        wanted = _wanted(request.blueprint, scripted(), at_desk, https, origins)
        there = {name.lower() for name in headers.keys()}  # noqa: SIM118 - pairs, without
        for key, name, value in wanted:
            if key not in there:
                headers.add(name, value)
        return response

    return seal


@lru_cache(maxsize=256)
def _wanted(
    blueprint: str | None,
    with_script: bool,
    at_desk: bool,
    https: bool,
    origins: tuple[str, ...] | None,
) -> Sequence[tuple[str, str, str]]:
    """Return the headers that an answer has where its view says nothing else, keys beside names.

    `origins`: of the sites that may hold the page in a frame, where any may.
    """
    headers = {
        "Content-Security-Policy": _policy(blueprint, with_script, origins),
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "no-store" if at_desk else "no-cache",
        # The page that a form stood on is evidence: to ourselves it is told in full.
        "Referrer-Policy": "same-origin" if at_desk else "strict-origin-when-cross-origin",
    }
    if origins is None:
        headers["X-Frame-Options"] = "DENY"
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return [(name.lower(), name, value) for name, value in headers.items()]


def _policy(blueprint: str | None, with_script: bool, origins: tuple[str, ...] | None) -> str:
    policy = POLICY
    if with_script:
        policy += "; script-src 'self'"
    if blueprint in ASKING:
        policy += "; connect-src 'self'"
    if blueprint in FRAMING:
        policy += "; frame-src 'self'"
    ancestors = " ".join(["'self'", *origins]) if origins is not None else "'none'"
    return f"{policy}; frame-ancestors {ancestors}"
