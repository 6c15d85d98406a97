"""The one check of a sign-up, whichever way it comes in."""

from dataclasses import dataclass

import structlog
from flask import Flask, current_app
from limits import (
    RateLimitItem,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
)
from werkzeug.exceptions import TooManyRequests

from digest.addresses import AddressError, parse_address
from digest.disposable import is_disposable
from digest.errors import FieldError
from digest.readers.sign_up_form import InvalidSignUpError
from digest.runtime import Runtime
from digest.web.context import current_runtime
from digest.web.guarding.challenges import challenge_for_page, is_solved, new_challenge
from digest.web.guarding.counters import Counters
from digest.web.guarding.form_tokens import (
    Standing,
    kept_token,
    new_token,
    standing,
    token_for_form,
)
from digest.web.guarding.networks import network_of
from digest.web.guarding.surge import Surge

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
OTHER = RateLimitItemPerMinute(20, namespace="other")
ONE_ADDRESS = RateLimitItemPerHour(10, namespace="address")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempt:
    """A sign-up that wants in. All of it is a stranger's, but for `vouched`.

    `token` and `proof` are the fields of those names; `ip` is the reader's, which a site's own back
    end passes on. `vouched`: it comes from such a back end, with a key of ours: it need not show a
    token or a proof, and its limits are those of a form of ours.
    """

    email: str
    ip: str | None
    token: str = ""
    proof: str = ""
    vouched: bool = False


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
    # All that is taken in a minute, from everywhere.
    all_together: RateLimitItem | None


def guard_sign_ups(app: Flask, runtime: Runtime) -> None:
    """Give the app its guard, and the forms what they show it."""
    settings = runtime.settings
    counters = Counters(settings)
    most = settings.sign_ups_a_minute
    guard_ = _Guard(
        counters,
        Surge(counters, settings.surge),
        RateLimitItemPerMinute(most, namespace="taken") if most else None,
    )
    app.extensions[EXTENSION] = guard_
    app.jinja_env.globals["token_for_form"] = token_for_form
    app.jinja_env.globals["kept_token"] = kept_token
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
    network = network_of(attempt.ip)
    if network is not None:
        for limit in OURS if found is Standing.OURS else PLAIN:
            _hit(guard_.counters, limit, network)
    if guard_.surge.count() and not attempt.vouched:
        if not is_solved(attempt.proof, guard_.counters):
            return Ask(new_token(), new_challenge())
    elif found in {Standing.EARLY, Standing.OLD}:
        return Ask(new_token(), "")
    if guard_.all_together is not None:
        _hit(guard_.counters, guard_.all_together)
    _look_at_address(guard_.counters, attempt.email)
    return None


def check_network(ip: str | None) -> None:
    """Count one use of another form that has a mail written to whoever is named in it.

    Raises:
        TooManyRequests: too many came from that network.
    """
    network = network_of(ip)
    if network is not None:
        guard_: _Guard = current_app.extensions[EXTENSION]
        _hit(guard_.counters, OTHER, network)


def _look_at_address(counters: Counters, email: str) -> None:
    try:
        address = parse_address(email)
    except AddressError:
        # It is told beside its field.
        return
    # Not the address: what is counted lies in Redis.
    _hit(counters, ONE_ADDRESS, current_runtime().suppression.mac(address.key))
    if current_runtime().settings.disposable == "refuse" and is_disposable(address.key):
        sentence = (
            "Use an address that you will keep: this one is of a service that throws mail away"
        )
        raise InvalidSignUpError((FieldError("email", sentence),))


def _hit(counters: Counters, limit: RateLimitItem, *who: str) -> None:
    if not counters.hit(limit, *who):
        raise TooManyRequests(retry_after=counters.free_again(limit, *who))
