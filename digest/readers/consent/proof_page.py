"""The page that proves one person's consent: as text, and as HTML to print."""

from collections.abc import Iterator
from datetime import UTC, datetime

from digest.prose import count_in_words
from digest.readers.consent.proving import Proof, ProvenEvent
from digest.templating import proof_environment

HOW_TO_CHECK = (
    "Each event was sealed as one link: a line of JSON as RFC 8785 writes it, in UTF-8, without a "
    "line break at its end. The lines are printed below. The SHA-256 of a line is the link's hash: "
    "printf %s 'LINE' | sha256sum",
    "“previous” in a line is the hash of the link before it; the first link's is 64 zeros. So "
    "nothing can be altered, taken out, put in or put in another order without every later hash "
    "changing.",
    "“words” in a line is the SHA-256 of what was shown: a JSON array (RFC 8785) of the words' "
    "number, the sentence, the terms' version and the terms' text, all as printed here. The text "
    "ends with one line break.",
    "“mac” in a line is the HMAC-SHA256 of the personal details, also a line of JSON, with the "
    "salt (32 bytes, printed in hex) as its key. So they can be erased without breaking the chain, "
    "and while they are there, they are shown to be the ones that belong to the event.",
    "That these links stand in the one chain, anybody can check who gets its file: digest consent "
    "export writes every line of it, with nothing personal in them. The hash of each line is the "
    "“previous” of the next, and the hash of the last is the chain's head.",
    "A chain alone could be written anew by its owner. Compare it with a head that somebody else "
    "noted after the last event here: as long as that one is in the chain, nothing before it has "
    "changed.",
)


def write_proof(proof: Proof, kind: str) -> str:
    """Return the page; `kind` is `txt` or `html`."""
    environment = proof_environment()
    environment.filters.update(moment=_moment, facts=_facts, notes=_notes)
    page = environment.get_template(f"page.{kind}")
    return page.render(proof=proof, summary=_summary(proof), steps=HOW_TO_CHECK)


def _summary(proof: Proof) -> str:
    events = count_in_words(len(proof.events), "event").capitalize()
    waiting = sum(event.link is None for event in proof.events)
    if not proof.fits:
        return f"{events}, and not all of them fit what was sealed. What does not fit says so."
    if waiting == len(proof.events):
        return f"{events}. None is sealed yet; that happens within a minute or two."
    if waiting:
        newer = count_in_words(waiting, "newer one is", "newer ones are")
        return f"{events}. All that are sealed fit their seals; {newer} not sealed yet."
    return f"{events}. Everything fits its seal."


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _facts(event: ProvenEvent) -> Iterator[tuple[str, str]]:
    if event.newsletter:
        yield "Newsletter", f"{event.newsletter_name} ({event.newsletter})"
    if event.wording is not None:
        yield "Words", f"No. {event.wording}, in full below"
    personal = event.personal
    for label, value in (
        (
            ("Address", personal.email),
            ("Name", personal.name),
            ("Page", personal.page_url),
            ("Form", personal.form),
            ("From the ip", personal.ip),
            ("Browser", personal.user_agent),
        )
        if personal
        else ()
    ):
        if value:
            yield label, value
    if personal is None:
        yield "Who and where", "not known, or erased"
    sealed = f", sealed as link {event.link.sequence}" if event.link else ", not sealed yet"
    yield "Record", f"{event.record}{sealed}"


def _notes(event: ProvenEvent) -> Iterator[str]:
    if event.link and not event.link.fits:
        yield "This event does not fit its link: it, or the words shown, was altered."
    if event.personal and not event.personal.fits:
        yield "Who and where do not fit this event: they were altered."
