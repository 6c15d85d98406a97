"""Domains: what `digest doctor DOMAIN` says of one that newsletters are from."""

import re

from flask import Response, request

from digest.checkup import Finding
from digest.checkup.domain.checking import check_domain
from digest.checkup.domain.subject import read_address
from digest.checkup.finding import WORDS, summary
from digest.checkup.signatures import sender_domains
from digest.delivery.signing.keys import list_keys, read_domain
from digest.errors import FieldError
from digest.models import Role
from digest.web.context import current_runtime
from digest.web.desk.doctor import look_until
from digest.web.desk.signed_in import desk, desk_blueprint, moment_here, show

# More are typed, and not chosen from.
OFFERED_AT_MOST = 50
ADDRESSES_AT_MOST = 10

domain_pages = desk_blueprint("desk_domains", __name__, role=Role.OWNER)


@domain_pages.get("/health/domain")
def ask() -> Response:
    """Ask which domain; the newsletters' own are offered."""
    offered = _offered()
    return _shown({"domain": offered[0] if offered else "", "sends_from": ""}, offered)


@domain_pages.post("/health/domain")
def look() -> Response:
    """Look at what receivers find of the domain that was typed."""
    typed = {name: request.form.get(name, "")[:500] for name in ("domain", "sends_from")}
    try:
        domain = read_domain(typed["domain"])
        written = re.split(r"[\s,;]+", typed["sends_from"].strip())[:ADDRESSES_AT_MOST]
        sends_from = tuple(read_address(each) for each in written if each)
    except FieldError as error:
        return _shown(typed, _offered(), errors=(error,))
    runtime = current_runtime()
    with runtime.database.reading() as session:
        keys = list_keys(session)
    found, cut = look_until(
        check_domain(runtime.settings, keys, domain, desk().now, sends_from=sends_from)
    )
    return _shown(typed, _offered(), domain=domain, found=found, cut=cut)


def _offered() -> list[str]:
    with current_runtime().database.reading() as session:
        return sender_domains(session)[:OFFERED_AT_MOST]


def _shown(
    typed: dict[str, str],
    offered: list[str],
    *,
    errors: tuple[FieldError, ...] = (),
    domain: str = "",
    found: list[Finding] | None = None,
    cut: bool = False,
) -> Response:
    return show(
        "domains.html",
        422 if errors else 200,
        typed=typed,
        offered=offered,
        errors=errors,
        domain=domain,
        found=found,
        cut=cut,
        summary="" if found is None else summary(found),
        words=WORDS,
        looked=moment_here(desk().now),
    )
