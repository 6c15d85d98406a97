"""The one check of a sign-up, whichever way it comes in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, current_app
from limits import (
    RateLimitItem,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
)
from werkzeug.exceptions import TooManyRequests

from digest.addresses import Address
from digest.disposable import is_disposable
from digest.errors import FieldError
from digest.logs import get_logger
from digest.readers.signing_up.sign_up_form import InvalidSignUpError
from digest.runtime import Runtime
from digest.web.context import current_runtime
from digest.web.guarding.challenges import challenge_for_page, is_solved, new_challenge
from digest.web.guarding.counters import Counters, Hit
from digest.web.guarding.form_tokens import (
    Standing,
    new_token,
    standing,
    token_for_form,
)
from digest.web.guarding.networks import networks_of
from digest.web.guarding.surge import Surge
from digest.web.guarding.waiting_mails import WaitingMails

EXTENSION = "digest-guard"

# For one network: from forms of ours, and from those that show no token.
OURS = (
    RateLimitItemPerMinute(20, namespace="ours"),
    RateLimitItemPerHour(300, namespace="ours"),
)
PLAIN = (
    RateLimitItemPerMinute(6, namespace="plain"),
    RateLimitItemPerHour(60, namespace="plain"),
)
OTHER = (RateLimitItemPerMinute(20, namespace="other"),)
# A /48 of IPv6 has this many times what one line has.
SITE_TIMES = 4
ONE_ADDRESS = RateLimitItemPerHour(10, namespace="address")
# For signing in at the desk: from one network, for one user from there, and from everywhere. The
# last is large, or whoever knows an address could keep its user out.
DESK = (
    RateLimitItemPerMinute(10, namespace="desk"),
    RateLimitItemPerHour(60, namespace="desk"),
)
ONE_USER_FROM_THERE = RateLimitItemPerHour(20, namespace="user-there")
ONE_USER = RateLimitItemPerHour(300, namespace="user")
# A code has six digits. Only who knows the password comes so far.
ONE_USERS_CODES = RateLimitItemPerHour(20, namespace="code")
# Each goes to a few addresses at most.
ONE_USERS_TESTS = RateLimitItemPerHour(20, namespace="test")

# By then another minute's mails are out.
SHORTLY = timedelta(minutes=1)

log = get_logger(__name__)


@dataclass(frozen=True)
class Attempt:
    """A sign-up that wants in. All of it is a stranger's, but for `vouched_by`.

    `address`: None where it is none, which the reader is told beside its field. `token` and `proof`
    are the fields of those names; `ip` is the reader's, which a site's own back end passes on.
    `vouched_by`: the id of such a back end's token for the API: it need not show a form's token or
    a proof, and its limits are those of a form of ours. Readers whose ip is not public count under
    it.
    """

    address: Address | None
    ip: str | None
    token: str = ""
    proof: str = ""
    vouched_by: int | None = None

    @property
    def vouched(self) -> bool:
        return self.vouched_by is not None


@dataclass(frozen=True)
class Ask:
    """What is asked for before the sign-up is taken: the same fields again, with these.

    `challenge` is JSON for the browser to solve, and its solution the field `proof`; empty where
    none is asked for. `token` is the field of that name.
    """

    token: str
    challenge: str


@dataclass(frozen=True)
class _Guard:
    counters: Counters
    surge: Surge
    # All that is taken in a minute, from everywhere: so many, or as many as can be answered.
    all_together: Hit | None
    queue: WaitingMails | None


def guard_sign_ups(app: Flask, runtime: Runtime) -> None:
    """Give the app its guard, and the forms what they show it."""
    settings = runtime.settings
    counters = Counters(settings)
    most = settings.sign_ups_a_minute
    guard_ = _Guard(
        counters,
        Surge(counters, settings.surge),
        Hit(RateLimitItemPerMinute(most, namespace="taken")) if most else None,
        WaitingMails(runtime) if most is None else None,
    )
    app.extensions[EXTENSION] = guard_
    app.jinja_env.globals["token_for_form"] = token_for_form
    app.jinja_env.globals["sign_up_challenge"] = lambda: challenge_for_page(guard_.surge)


def guard(attempt: Attempt) -> Ask | None:
    """Check one sign-up. None: it may go on.

    Nothing here asks whether the address is known: how it answers depends on what was tried, and
    from where, alone.

    Raises:
        TooManyRequests: too many came from that network, for that address, or from everywhere.
        InvalidSignUpError: the address is of a service that throws mail away, and the publisher
            does not take those.
    """
    guard_: _Guard = current_app.extensions[EXTENSION]
    found = Standing.OURS if attempt.vouched else standing(attempt.token, guard_.counters)
    limits = OURS if found is Standing.OURS else PLAIN
    first = _from_there(limits, attempt.ip, attempt.vouched_by)
    surge_hit, surging = guard_.surge.hit, guard_.surge.lasts()
    first += [surge_hit] if surge_hit else []
    last = _last(guard_, attempt)
    if guard_.queue is not None and guard_.queue.is_full():
        raise TooManyRequests(retry_after=current_runtime().clock.now() + SHORTLY)
    held_back = found in {Standing.EARLY, Standing.OLD}
    # All are counted at once where nothing is asked for in between.
    at_once = not (surging or held_back)
    refused = guard_.counters.first_refused([*first, *last] if at_once else first)
    if refused is not None and refused is surge_hit:
        guard_.surge.declare()
        surging = True
        at_once = False
    else:
        _refuse(guard_.counters, refused)
    if surging and not attempt.vouched:
        if not is_solved(attempt.proof, guard_.counters):
            return Ask(new_token(), new_challenge())
    elif held_back:
        return Ask(new_token(), "")
    if not at_once:
        _refuse(guard_.counters, guard_.counters.first_refused(last))
    _look_at_address(attempt.address)
    return None


def check_network(ip: str | None) -> None:
    """Count one use of another form that has a mail written to whoever is named in it.

    Raises:
        TooManyRequests: too many came from that network.
    """
    _count(_from_there(OTHER, ip))


def check_sign_in(who: str, ip: str | None) -> None:
    """Count one password that was tried at the desk for `who`, which is no address in clear.

    Raises:
        TooManyRequests: too many came from that network, or for that user.
    """
    networks = networks_of(ip)
    there = networks.line if networks else ""
    hits = [
        *_from_there(DESK, ip),
        Hit(ONE_USER_FROM_THERE, f"{who} {there}".rstrip()),
        Hit(ONE_USER, who),
    ]
    _count(hits)


def check_code(user_id: int) -> None:
    """Count one code that was tried for a user of the desk.

    Raises:
        TooManyRequests: too many were tried.
    """
    _count([Hit(ONE_USERS_CODES, str(user_id))])


def check_test(user_id: int) -> None:
    """Count one test of an issue that a user of the desk sends.

    Raises:
        TooManyRequests: too many were sent.
    """
    _count([Hit(ONE_USERS_TESTS, str(user_id))])


def _count(hits: Sequence[Hit]) -> None:
    guard_: _Guard = current_app.extensions[EXTENSION]
    _refuse(guard_.counters, guard_.counters.first_refused(hits))


def _from_there(
    limits: Sequence[RateLimitItem], ip: str | None, vouched_by: int | None = None
) -> list[Hit]:
    """Return what is counted of an ip: its line, the site around it, or who vouches for it."""
    networks = networks_of(ip)
    if networks is None:
        # Else a token would be one without limits, for whoever says that readers are at 10.0.0.1.
        return [] if vouched_by is None else [Hit(each, f"token {vouched_by}") for each in limits]
    hits = [Hit(limit, networks.line) for limit in limits]
    if networks.site is not None:
        hits += [Hit(_wider(limit), networks.site) for limit in limits]
    return hits


def _wider(limit: RateLimitItem) -> RateLimitItem:
    return type(limit)(
        limit.amount * SITE_TIMES, limit.multiples, namespace=f"{limit.namespace}-site"
    )


def _last(guard_: _Guard, attempt: Attempt) -> list[Hit]:
    """Return what is counted of those only that are let in."""
    hits = [guard_.all_together] if guard_.all_together else []
    if attempt.address is not None:
        # Not the address itself: what is counted lies in Redis.
        mailbox = current_runtime().suppression.mailbox_mac(attempt.address.key)
        hits.append(Hit(ONE_ADDRESS, mailbox))
    return hits


def _look_at_address(address: Address | None) -> None:
    if address is None or current_runtime().settings.disposable != "refuse":
        return
    if is_disposable(address.key):
        sentence = (
            "Use an address that you will keep: this one is of a service that throws mail away"
        )
        raise InvalidSignUpError((FieldError("email", sentence),))


def _refuse(counters: Counters, hit: Hit | None) -> None:
    if hit is not None:
        raise TooManyRequests(retry_after=counters.free_again(hit))
