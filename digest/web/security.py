"""Headers on every answer: what a browser may do with a page of ours, and who may keep it."""

from collections.abc import Callable

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


def _policy() -> str:
    policy = POLICY
    if scripted():
        policy += "; script-src 'self'"
    if request.blueprint in ASKING:
        policy += "; connect-src 'self'"
    if request.blueprint in FRAMING:
        policy += "; frame-src 'self'"
    ancestors = " ".join(["'self'", *declared_origins()]) if framed() else "'none'"
    return f"{policy}; frame-ancestors {ancestors}"


def _sealer(https: bool) -> Callable[[Response], Response]:
    def seal(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _policy())
        headers.setdefault("X-Content-Type-Options", "nosniff")
        if not framed():
            headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.path.startswith(TOKEN_PATHS):
            headers["Cache-Control"] = "no-store"
            headers["Referrer-Policy"] = "no-referrer"
            headers["X-Robots-Tag"] = "noindex, nofollow"
        if request.path.startswith(DESK):
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("Referrer-Policy", "same-origin")
            headers["X-Robots-Tag"] = "noindex, nofollow"
        headers.setdefault("Cache-Control", "no-cache")
        # The page that a form stood on is evidence: to ourselves it is told in full.
        headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        if https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    return seal
