"""The check-up of a domain, from end to end."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from digest.checkup.domain.asking import Address, Dns, UnansweredError
from digest.checkup.domain.dmarc import look_at_dmarc
from digest.checkup.domain.extras import look_at_extras
from digest.checkup.domain.keys import look_at_keys
from digest.checkup.domain.receiving import look_at_mx, look_at_reverse
from digest.checkup.domain.rules import DomainFinding, wrong
from digest.checkup.domain.sending import look_at_spf
from digest.checkup.domain.subject import Subject, find_sending
from digest.checkup.domain.website import look_at_certificate, look_at_one_click
from digest.models import DkimKey
from digest.settings.loading import Settings

UNANSWERED = (
    "Try again later. Where it stays so, the zone or this machine’s resolver is broken: receivers "
    "who get no answer put the mail off. DIGEST_RESOLVER names another server to ask."
)

Look = Callable[[], Iterable[DomainFinding]]


def check_domain(
    settings: Settings,
    keys: Sequence[DkimKey],
    domain: str,
    now: datetime,
    *,
    sends_from: tuple[Address, ...] = (),
) -> Iterator[DomainFinding]:
    """Look at all that mail from a domain depends on, and yield what is found as it is found.

    `domain` in A-labels, as `read_domain` returns it. `keys`: all that Digest has. `sends_from`:
    the addresses that the operator knows mail to leave from.
    """
    try:
        dns = Dns(settings.resolver)
        if not dns.mail_hosts(domain).exists:
            yield wrong(
                "mx",
                f"There is no {domain} in the DNS.",
                "Is it spelt right, and registered? Mail from it is refused.",
            )
            return
    except UnansweredError as error:
        yield wrong("mx", str(error), UNANSWERED)
        return
    envelope = settings.inbound_domain or domain
    sending, why = find_sending(dns, domain, settings, sends_from)
    subject = Subject(domain, envelope, settings, tuple(keys), sending, why)
    domains = tuple(dict.fromkeys((domain, envelope)))
    looks: list[tuple[str, Look]] = [
        *(("mx", partial(look_at_mx, dns, each)) for each in domains),
        ("dkim-key", partial(look_at_keys, subject)),
        ("dmarc-record", partial(look_at_dmarc, dns, subject)),
        ("reverse", partial(look_at_reverse, dns, subject)),
        ("bimi", partial(look_at_extras, dns, domain)),
        # Others write what an SPF record includes: what they use up is lacking nowhere else.
        *(("spf-one", partial(look_at_spf, dns, subject, each)) for each in domains),
        ("web-tls", partial(look_at_certificate, settings, now)),
        ("one-click", partial(look_at_one_click, settings)),
    ]
    for rule, look in looks:
        try:
            yield from look()
        except UnansweredError as error:
            yield wrong(rule, str(error), UNANSWERED)
