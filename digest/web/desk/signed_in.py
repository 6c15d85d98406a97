"""Who asks for a page of the desk, whether they may, and the proof that a form was ours.

Every page of the desk is a blueprint made by `desk_blueprint`: nothing behind it answers anybody
who is not signed in, and nothing is changed without a form's proof.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from digest import zones
from digest.desk.audit import Actor
from digest.desk.sessions import (
    AT_MOST,
    Browser,
    find_session,
    is_proved_lately,
    is_seen_lately,
    note_seen,
)
from digest.desk.users import may, may_anywhere
from digest.models import DeskSession, Role, User
from digest.settings.values import origin_of
from digest.tokens import ID_BYTES, BadTokenError, Purpose
from digest.web.context import current_runtime
from digest.web.evidence import printable, reader_ip
from digest.web.masthead import masthead_of
from digest.web.origins import origin_of_page

COOKIE = "digest_desk"
# As large as an id in an address may be: more is no row's.
ID = "int(max=9007199254740991)"
PAGE_LASTS = timedelta(hours=12)
LONGEST_NEXT = 300
# What an address holds to say that something was done: no more, where it leads back to.
SAYS_DONE = {"done", "published", "revoked", "approved", "tested"}
LARGEST_IN_MEMORY = 4_000_000
# Of a form that static/typed.js sends.
_MARK = re.compile(r"[0-9a-f]{16}")
MARKS_KEPT = 8

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Desk:
    """Who is at the desk, as this request found it; its rows are read and no longer attached."""

    session: DeskSession
    now: datetime

    @property
    def user(self) -> User:
        return self.session.user

    def may(self, role: Role, newsletter_id: int | None = None) -> bool:
        """Tell whether they have a role: for one newsletter, or for all."""
        return may(self.user, role, newsletter_id)

    def may_anywhere(self, role: Role) -> bool:
        """Tell whether they have a role for any newsletter."""
        return may_anywhere(self.user, role)


def desk_blueprint(
    name: str, import_name: str, *, largest_form: int | None = None, role: Role | None = None
) -> Blueprint:
    """Make a blueprint whose pages are for those who are signed in.

    `largest_form`: how many bytes its forms may have, where that is more than usual. `role`: which
    all of its pages ask for, for all newsletters.
    """
    pages = Blueprint(name, import_name, url_prefix="/desk")
    if largest_form is not None:
        # Before anything of the form is read.
        pages.before_request(lambda: _allow(largest_form))
    pages.before_request(_sign_in_first)
    pages.before_request(refuse_forged)
    pages.teardown_request(_end_transaction)
    pages.after_request(_say_answered)
    if role is not None:
        pages.before_request(lambda: refuse_without(role))
    return pages


def _allow(largest_form: int) -> None:
    request.max_content_length = largest_form
    # What is no file is held in memory.
    if largest_form < LARGEST_IN_MEMORY:
        request.max_form_memory_size = largest_form


def desk() -> Desk:
    """Return who asks. Only behind `desk_blueprint`."""
    return cast(Desk, g.desk)


def _sign_in_first() -> AnyResponse | None:
    runtime = current_runtime()
    now = runtime.clock.now()
    writes = _carries_on()
    with ExitStack() as opened:
        database = runtime.database
        session = opened.enter_context(database.transaction() if writes else database.reading())
        found = find_session(session, session_secret(), now=now)
        lately = found is not None and is_seen_lately(found, now)
        if found is not None and found.proved_at is not None and lately and writes is not None:
            g.desk_transaction = (session, opened.pop_all())
    if found is None or found.proved_at is None:
        return _asked_first("sign_in.ask")
    # What a page's script opens by itself does not keep its user signed in.
    if not lately and not is_stream():
        with runtime.database.transaction() as session:
            note_seen(session, found.id, now)
    g.desk = Desk(found, now)
    return None


def carries_on(*, writes: bool = False) -> Callable[[View], View]:
    """Mark a view that opens one transaction, by `carried_on`, and whether that one writes.

    On SQLite, where one writes at a time, one that writes opens its own: whoever is refused waits
    for nobody who writes, and is in nobody's way.
    """

    def marked(view: View) -> View:
        view.carries_on = writes  # type: ignore[attr-defined]
        return view

    return marked


def _carries_on() -> bool | None:
    view = current_app.view_functions.get(request.endpoint or "")
    writes: bool | None = getattr(view, "carries_on", None)
    return None if writes and current_runtime().database.is_sqlite else writes


@contextmanager
def carried_on(*, writes: bool = False) -> Iterator[Session]:
    """Go on in the transaction in which it was found who asks: another costs as much as to ask.

    Where there is none, or it is over, in one of its own.
    """
    session, opened = g.pop("desk_transaction", (None, None))
    if session is None:
        database = current_runtime().database
        with database.transaction() if writes else database.reading() as session:
            yield session
        return
    with opened:
        yield session


def _end_transaction(_: BaseException | None) -> None:
    """End what a view did not carry on, as it refused before."""
    _, opened = g.pop("desk_transaction", (None, None))
    if opened is not None:
        opened.close()


def is_stream() -> bool:
    """Tell whether a page's script asks for events, and not a person for a page."""
    return request.headers.get("Accept") == "text/event-stream"


def refuse_forged() -> None:
    """Refuse a form that another site sends, or that is not of a page of ours.

    Raises:
        Forbidden: with what to do.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    refuse_other_sites()
    if not _proof_is_good(request.form.get("proof", "")):
        raise Forbidden("This page was open for a long time. Go back, load it again, and go on.")
    g.sent_mark = request.form.get("sent", "")


def _say_answered(response: Response) -> Response:
    """Name to the page's script the form that this answers: what nothing answers, it keeps."""
    mark = g.get("sent_mark", "")
    if _MARK.fullmatch(mark):
        name = cookie_name("digest_answered")
        # Those of other tabs too, which may not have read theirs yet.
        before = filter(_MARK.fullmatch, request.cookies.get(name, "").split("."))
        marks = ".".join([*before, mark][-MARKS_KEPT:])
        response.set_cookie(name, marks, path="/", secure=_is_https(), samesite="Lax")
    return response


def refuse_other_sites(*, null: bool = False) -> None:
    """Refuse what a page of another site sends, whatever cookies come with it.

    `null`: the form's own page lets its origin be told to nobody, and has another proof.

    Raises:
        Forbidden: it does.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    elif origin is not None:
        foreign = origin != _our_origin() and not (null and origin == "null")
    else:
        foreign = not _is_ours(request.headers.get("Referer"))
    if foreign:
        raise Forbidden("This form was sent by another site. Open the desk, and do it there.")


def _our_origin() -> str:
    return origin_of(current_runtime().settings.public_url)


def _is_ours(page: str | None) -> bool:
    return page is None or origin_of_page(page) == _our_origin()


def page_proof() -> str:
    """Return the proof for the forms of a page that is shown now."""
    until = int((desk().now + PAGE_LASTS).timestamp())
    return current_runtime().ring.sign(Purpose.DESK, _bound_to(desk().user), until)


def _proof_is_good(text: str) -> bool:
    try:
        proof = current_runtime().ring.read(Purpose.DESK, text)
    except BadTokenError:
        return False
    return proof.number > desk().now.timestamp() and hmac.compare_digest(
        proof.id, _bound_to(desk().user)
    )


def _bound_to(user: User) -> bytes:
    # To the user and not to the session: a tab that was open while they signed in again still
    # holds what they wrote.
    return hashlib.sha256(f"desk {user.id}".encode()).digest()[:ID_BYTES]


def refuse_without(role: Role, newsletter_id: int | None = None) -> None:
    """Refuse whoever has not got a role.

    Raises:
        Forbidden: says whom to ask.
    """
    if not desk().may(role, newsletter_id):
        raise Forbidden(f"That is for {_called(role)}. Ask an owner of the desk.")


def _called(role: Role) -> str:
    return {
        Role.OWNER: "owners",
        Role.EDITOR: "editors of this newsletter",
        Role.VIEWER: "those who may look at this newsletter",
        Role.READERS: "those who may see readers",
    }[role]


def prove_first() -> AnyResponse | None:
    """Ask for the password again before what cannot be undone; None where it was given lately."""
    if is_proved_lately(desk().session, desk().now):
        return None
    return _asked_first("again.ask_again")


def actor(session: Session) -> Actor:
    """Return who asks, for the log."""
    return Actor(session.get_one(User, desk().user.id), browser().ip)


def who_asks() -> Actor:
    """Return the same as they were when the request began, for what changes nothing."""
    return Actor(desk().user, browser().ip)


def browser() -> Browser:
    """Return what this request tells of where it comes from."""
    ip = reader_ip(request, current_runtime().settings.trusted_proxies)
    return Browser(ip, printable(request.user_agent.string))


def session_secret() -> str | None:
    """Return what the cookie says; it may be stale, or anything."""
    return request.cookies.get(cookie_name(COOKIE))


def give_cookie(
    response: AnyResponse, secret: str, name: str = COOKIE, *, lasts: timedelta = AT_MOST
) -> None:
    """Let the browser keep a secret, a session's or another: no script, no other site."""
    response.set_cookie(
        cookie_name(name),
        secret,
        max_age=lasts,
        path="/",
        secure=_is_https(),
        httponly=True,
        samesite="Lax",
    )


def take_cookie(response: AnyResponse) -> None:
    """Let the browser forget the session."""
    response.delete_cookie(
        cookie_name(COOKIE), path="/", secure=_is_https(), httponly=True, samesite="Lax"
    )


def _asked_first(endpoint: str) -> AnyResponse:
    """Lead to a page that asks who it is, and from there back to the page that is open."""
    if request.method == "GET":
        back = f"{request.script_root}{request.full_path}".rstrip("?")
        return redirect(url_for(endpoint, next=back), 303)
    # What was sent is not done: that page says so.
    return redirect(url_for(endpoint, next=_page_before(), unsaved=1), 303)


def _page_before() -> str:
    """Return the page of the desk that a form stands on, where the browser tells it."""
    told = request.headers.get("Referer")
    if told is None or not _is_ours(told):
        return next_page(None)
    parts = urlsplit(told)
    path = parts.path
    # A form that came back with mistakes stands at the address that it was sent to.
    while path != (above := path.rpartition("/")[0]) and not _can_be_opened(path):
        path = above
    if path != parts.path:
        return next_page(path)
    asked = [each for each in parse_qsl(parts.query) if each[0] not in SAYS_DONE]
    return next_page(f"{path}?{urlencode(asked)}" if asked else path)


def _can_be_opened(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    return adapter is not None and adapter.test(path.removeprefix(request.script_root), "GET")


def next_page(asked: str | None) -> str:
    """Return where to go after signing in: a page of the desk, whatever was asked for."""
    home = url_for("this_week.show_week")
    if not asked or len(asked) > LONGEST_NEXT or not asked.startswith(home):
        return home
    if not (asked.isascii() and asked.isprintable()):
        return home
    parts = urlsplit(asked)
    return home if parts.scheme or parts.netloc or "\\" in asked or "//" in asked else asked


def show(template: str, status: int = 200, **context: object) -> Response:
    """Render a page of the desk for whoever asks."""
    page = render_template(f"desk/{template}", desk=desk(), proof=page_proof(), **context)
    return Response(page, status)


def zone_here() -> str:
    """Return the zone of the oldest newsletter, for times that belong to none."""
    first = masthead_of(current_app).get().first
    return first.zone if first else "UTC"


def moment_here(at: datetime) -> str:
    """Return "14 November 2026, 10:42" where the paper is at home."""
    local = at.astimezone(zones.named(zone_here()))
    return f"{local.day} {local:%B %Y, %H:%M}"


def cookie_name(name: str) -> str:
    """Return what a cookie of ours is called here."""
    # The prefix keeps a neighbour under the same domain from planting a cookie of that name.
    return f"__Host-{name}" if _is_https() else name


def _is_https() -> bool:
    return current_runtime().settings.public_url.startswith("https://")
