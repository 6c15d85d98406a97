"""The demo's way in to the desk, without a password: by a link that it prints, good once."""

import hmac
import secrets
import threading
from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import Actor, record
from digest.desk.sessions import open_session
from digest.models import User
from digest.web.context import current_runtime
from digest.web.desk.signed_in import browser, give_cookie, refuse_other_sites
from digest.web.loopback import refuse_strangers

SECRET_BYTES = 24


@dataclass
class DemoDoor:
    """A link to the desk that opens once, for the oldest user."""

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(SECRET_BYTES))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _used: bool = False

    @property
    def path(self) -> str:
        return f"/desk/demo/{self.secret}"

    def use(self) -> bool:
        """Open it; False where it was opened before."""
        with self._lock:
            first, self._used = not self._used, True
        return first

    def fits(self, secret: str) -> bool:
        return hmac.compare_digest(self.secret.encode(), secret.encode("utf-8", "replace"))


def demo_door_pages(door: DemoDoor) -> Blueprint:
    """Return the page at the door's link, for an app that is served on loopback only."""
    pages = Blueprint("demo_door", __name__, url_prefix="/desk/demo")
    pages.before_request(refuse_strangers)

    @pages.get("/<secret>")
    def ask(secret: str) -> Response:
        """Show a button: to look changes nothing."""
        if not door.fits(secret):
            abort(404)
        return Response(render_template("desk/demo_door.html", secret=secret, used=False))

    @pages.post("/<secret>")
    def enter(secret: str) -> AnyResponse:
        """Sign the visitor in, once."""
        if not door.fits(secret):
            abort(404)
        refuse_other_sites(null=True)
        if not door.use():
            page = render_template("desk/demo_door.html", secret=secret, used=True)
            return Response(page, 410)
        runtime = current_runtime()
        now, where = runtime.clock.now(), browser()
        with runtime.database.transaction() as session:
            user = session.scalars(select(User).order_by(User.id).limit(1)).one()
            _, cookie = open_session(session, user, where, now=now, proved=True)
            verb = "session begin (demo)"
            record(session, Actor(user, where.ip), verb, User.__tablename__, user.id, now=now)
        response = redirect(url_for("this_week.show_week"), 303)
        give_cookie(response, cookie)
        return response

    return pages
