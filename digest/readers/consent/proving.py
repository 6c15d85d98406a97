"""The proof for one person: every event, the words that were shown, and how to check all of it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from digest.addresses import Address, seek_address
from digest.chain.heads import Head
from digest.errors import NotFoundError
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentSeal,
    Newsletter,
    Publication,
    SignUp,
    Subscriber,
    Suppression,
    SuppressionReason,
    Wording,
)
from digest.prose import ended
from digest.readers.consent.chain import (
    DETAIL,
    Words,
    find_head,
    personal,
    seal_hash,
    words_hash,
    write_link,
)
from digest.suppression import SuppressionKey

NOTHING = "Nothing is held under that address, so there is nothing to prove"


@dataclass(frozen=True)
class WordsShown:
    """What stood beside the checkbox, and the terms that it linked to, in full.

    `hash` is the SHA-256 of these four as a JSON array, which the links hold.
    """

    number: int
    sentence: str
    language: str
    terms_version: int
    terms: str
    terms_published_at: datetime
    hash: str


@dataclass(frozen=True)
class PersonalShown:
    """Who and from where. `written` is the JSON whose HMAC-SHA256 under `salt` is the record's."""

    email: str | None
    name: str | None
    ip: str | None
    user_agent: str | None
    page_url: str | None
    form: str | None
    salt: str
    written: str
    fits: bool


@dataclass(frozen=True)
class LinkShown:
    """The link that sealed an event. `written` is the JSON whose SHA-256 is `hash`."""

    sequence: int
    previous: str
    hash: str
    sealed_at: datetime
    written: str
    fits: bool


@dataclass(frozen=True)
class ProvenEvent:
    """One event. Without `personal`, nobody said who or from where, or it was erased."""

    record: int
    kind: str
    at: datetime
    newsletter: str | None
    newsletter_name: str | None
    wording: int | None
    mac: str
    personal: PersonalShown | None
    link: LinkShown | None


@dataclass(frozen=True)
class Proof:
    """Everything on one page. `dataclasses.asdict` is JSON."""

    publication: str
    address: str
    made_at: datetime
    subjects: tuple[str, ...]
    events: tuple[ProvenEvent, ...]
    words: tuple[WordsShown, ...]
    head: Head | None

    @property
    def fits(self) -> bool:
        """Whether all that is sealed, and all that is personal, is as it was recorded."""
        return all(
            part is None or part.fits
            for event in self.events
            for part in (event.personal, event.link)
        )


def prove(session: Session, email: str, *, now: datetime, suppression: SuppressionKey) -> Proof:
    """Gather the proof for whoever has that address, in whatever way it is written.

    Raises:
        NotFoundError: nothing can be found by it; says what is left where it was erased.
    """
    address = seek_address(email)
    subjects = _subjects(session, address)
    events = _events(session, subjects)
    if not events:
        erased = _erased_at(session, suppression.mac(address.key))
        raise NotFoundError(_left_of(erased) if erased else ended(address.flaw or NOTHING))
    publication = session.get(Publication, 1)
    typed = [detail.email for _, detail, *_ in events if detail and detail.email]
    return Proof(
        publication=publication.name if publication else "",
        address=typed[-1] if typed else address.email,
        made_at=now,
        subjects=tuple(sorted({event.subject.hex() for event, *_ in events})),
        events=tuple(_shown(events, Words(session))),
        words=tuple(_words(session, {event.wording_id for event, *_ in events})),
        head=find_head(session),
    )


def _subjects(session: Session, address: Address) -> set[bytes]:
    """The reader's reference, and those of sign-ups that had one of their own."""
    queries = (
        select(Subscriber.subject).where(Subscriber.email_key == address.key),
        select(SignUp.subject).where(SignUp.email_key == address.key),
        select(Consent.subject)
        .join(ConsentDetail, ConsentDetail.consent_id == Consent.id)
        .where(ConsentDetail.email.in_({address.email, address.key})),
    )
    return {subject for query in queries for subject in session.scalars(query)}


def _events(session: Session, subjects: set[bytes]) -> Sequence[Any]:
    return session.execute(
        select(Consent, ConsentDetail, ConsentSeal, Newsletter, Wording.number)
        .outerjoin(ConsentDetail, ConsentDetail.consent_id == Consent.id)
        .outerjoin(ConsentSeal, ConsentSeal.consent_id == Consent.id)
        .outerjoin(Newsletter, Newsletter.id == Consent.newsletter_id)
        .outerjoin(Wording, Wording.id == Consent.wording_id)
        .where(Consent.subject.in_(subjects))
        .order_by(Consent.id)
    ).all()


def _shown(events: Iterable[Any], words: Words) -> Iterable[ProvenEvent]:
    for consent, detail, seal, newsletter, number in events:
        yield ProvenEvent(
            record=consent.id,
            kind=consent.kind.value,
            at=consent.at,
            newsletter=newsletter.slug if newsletter else None,
            newsletter_name=newsletter.name if newsletter else None,
            wording=number,
            mac=consent.mac.hex(),
            personal=_personal(consent, detail) if detail else None,
            link=_link(consent, seal, words.hash_of(consent.wording_id)) if seal else None,
        )


def _personal(consent: Consent, detail: ConsentDetail) -> PersonalShown:
    kept = personal(detail)
    return PersonalShown(
        **asdict(kept),
        salt=detail.salt.hex(),
        written=kept.written().decode(),
        fits=DETAIL.fits(detail, consent),
    )


def _link(consent: Consent, seal: ConsentSeal, words: str | None) -> LinkShown:
    return LinkShown(
        sequence=seal.sequence,
        previous=seal.previous.hex(),
        hash=seal.hash.hex(),
        sealed_at=seal.sealed_at,
        written=write_link(seal.sequence, seal.previous, consent, words).decode(),
        fits=seal_hash(seal.sequence, seal.previous, consent, words) == seal.hash,
    )


def _words(session: Session, ids: set[int | None]) -> Iterable[WordsShown]:
    shown = session.scalars(
        select(Wording)
        .where(Wording.id.in_({each for each in ids if each is not None}))
        .options(joinedload(Wording.terms))
        .order_by(Wording.number)
    )
    for wording in shown:
        yield WordsShown(
            number=wording.number,
            sentence=wording.label,
            language=wording.language,
            terms_version=wording.terms.version,
            terms=wording.terms.body,
            terms_published_at=wording.terms.published_at,
            hash=words_hash(wording),
        )


def _erased_at(session: Session, mac: str) -> datetime | None:
    return session.scalar(
        select(Suppression.created_at)
        .where(Suppression.mac == mac, Suppression.reason == SuppressionReason.ERASED)
        .order_by(Suppression.id.desc())
        .limit(1)
    )


def _left_of(erased_at: datetime) -> str:
    return (
        f"That address was erased on {erased_at:%Y-%m-%d}: nothing can be found by it any more. "
        "What is left is one scrambled mark, so that no import brings it back, and events that "
        "name nobody. They stay in the chain, which still holds: digest consent verify"
    )
