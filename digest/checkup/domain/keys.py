"""DKIM (RFC 6376): do the records in the DNS hold the keys that Digest signs with?"""

from collections.abc import Iterator

from digest.checkup.domain.rules import DomainFinding, advice, doubt, good, wrong
from digest.checkup.domain.subject import Subject
from digest.delivery.signing.keys import covering
from digest.delivery.signing.records import UnpublishedError, check_published, zone_line
from digest.models import DkimAlgorithm, DkimKey, DkimState

RULE = "dkim-key"


def signing_domain(subject: Subject) -> str | None:
    """Return the domain that Digest signs this one's mail for; None where it does not sign."""
    signing = {key.domain for key in subject.keys if key.state is DkimState.SIGNING}
    return covering(signing, subject.domain)


def look_at_keys(subject: Subject) -> Iterator[DomainFinding]:
    """Return, of each key whose record has to be there, whether it is."""
    signing = signing_domain(subject)
    keys = [key for key in subject.keys if key.domain == (signing or subject.domain)]
    asked = [key for key in keys if key.state is not DkimState.RETIRED]
    if signing is None:
        yield from _unsigned(subject, waiting=bool(asked))
    for key in asked:
        yield _published(subject, key)
    by = {key.algorithm for key in asked if key.state is DkimState.SIGNING}
    if by and DkimAlgorithm.RSA not in by:
        yield doubt(
            RULE,
            f"{subject.domain} signs by Ed25519 alone, which not every receiver reads.",
            f"Make an RSA key beside it: digest dkim create {signing} --algorithm rsa",
        )


def _published(subject: Subject, key: DkimKey) -> DomainFinding:
    what = f"The {key.state.value} key {key.selector} of {key.domain} ({key.algorithm.value})"
    try:
        check_published(key, subject.settings.resolver)
    except UnpublishedError as error:
        if key.state is DkimState.SIGNING:
            found = f"{what} is not published: what it signs counts as unsigned. {error}"
            return wrong(RULE, found, "Publish it:", zone_line(key))
        if key.state is DkimState.WAITING:
            return doubt(
                RULE, f"{what} is not published yet. {error}", "Publish it:", zone_line(key)
            )
        found = f"{what} is no longer published. Mail that it signed may be under way. {error}"
        return doubt(RULE, found, "Leave it there for a week:", zone_line(key))
    if key.state is DkimState.WAITING:
        remedy = f"Have it sign: digest dkim sign {key.domain}"
        return doubt(RULE, f"{what} is published, and signs nothing yet.", remedy)
    return good(RULE, f"{what} is published as it should be.")


def _unsigned(subject: Subject, *, waiting: bool) -> Iterator[DomainFinding]:
    domain = subject.domain
    if subject.settings.relay_signs:
        yield advice(
            RULE,
            "You have said that the relay signs. With which key cannot be known from here.",
            "Mail yourself an issue (digest issue test), and look at its DKIM-Signature: d= should "
            f"be {domain}, and h= name both List-Unsubscribe headers.",
        )
    elif not waiting:
        yield wrong(
            RULE,
            f"Digest does not sign the mail from {domain}, nor does the relay, as far as is known.",
            f"Make keys: digest dkim create {domain}. Or, where the relay signs, set "
            "DIGEST_RELAY_SIGNS=true.",
        )
