"""A reader chooses: topics, a language, another newsletter."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.errors import FieldError, RefusedError
from digest.models import ConsentKind, Newsletter, Subscriber, Subscription, Wording
from digest.readers.consent import words_shown
from digest.readers.consent.recording import Evidence, record_readers_consent
from digest.readers.consent.words_shown import words_shown as words
from digest.readers.signing_up.confirming import start_period
from digest.readers.signing_up.sign_up_form import AskedFor, SignUpForm, read_offer, understand
from digest.readers.suppressed import is_suppressed


def topics_to_choose(period: Subscription) -> dict[str, str]:
    """Return the newsletter's topics, name by slug, and those that the reader has besides."""
    had = {slug: slug.replace("-", " ").capitalize() for slug in period.topics}
    return had | period.newsletter.topics


def languages_to_choose(newsletter: Newsletter) -> list[str]:
    """Return the languages that the newsletter comes in; no choice where it is one."""
    return list(dict.fromkeys([newsletter.language, *newsletter.languages]))


def choose_topics(
    session: Session,
    period: Subscription,
    chosen: Sequence[str],
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """Keep what the reader ticked; return whether that is something else than before.

    Raises:
        FieldError: one of them was not on the page.
    """
    known = topics_to_choose(period)
    if not set(chosen) <= set(known):
        raise FieldError("topic", "We do not have that topic. Choose one from this page")
    topics = [slug for slug in known if slug in set(chosen)]
    if set(topics) == set(period.topics):
        return False
    period.topics = topics
    wording = words(session, words_shown.TOPICS, now)
    record_readers_consent(
        session,
        ConsentKind.CHANGED,
        period.subscriber,
        now=now,
        newsletter_id=period.newsletter_id,
        wording=wording,
        evidence=evidence,
    )
    return True


def choose_language(
    session: Session, period: Subscription, language: str, evidence: Evidence, *, now: datetime
) -> bool:
    """Keep the reader's language; return whether it is another one than before.

    Raises:
        FieldError: the newsletter does not come in it.
    """
    if language not in languages_to_choose(period.newsletter):
        raise FieldError("language", "It does not come in that language. Choose one from this page")
    reader = period.subscriber
    if language == reader.language:
        return False
    reader.language = language
    wording = words(session, words_shown.LANGUAGE, now)
    record_readers_consent(
        session,
        ConsentKind.CHANGED,
        reader,
        now=now,
        newsletter_id=period.newsletter_id,
        wording=wording,
        evidence=evidence,
    )
    return True


def newsletters_to_join(
    session: Session, reader: Subscriber, at_most: int
) -> tuple[Newsletter, ...]:
    """Return the newsletters that there are and that the reader does not get: the first of them."""
    active = select(Subscription.newsletter_id).where(
        Subscription.subscriber_id == reader.id, Subscription.ended_at.is_(None)
    )
    others = select(Newsletter).where(Newsletter.retired_at.is_(None), Newsletter.id.not_in(active))
    return tuple(session.scalars(others.order_by(Newsletter.id).limit(at_most)))


def join(
    session: Session, reader: Subscriber, form: SignUpForm, *, now: datetime
) -> tuple[AskedFor, ...]:
    """Start newsletters for a reader whose session this is; what they have already stays as it is.

    Raises:
        InvalidSignUpError: the form cannot be accepted; nothing was written.
        RefusedError: no mail may go to the address.
    """
    wish = understand(form, read_offer(session.connection(), form))
    if is_suppressed(session, reader.suppression_mac):
        raise RefusedError("We cannot send mail to you: it was refused or reported before.")
    for newsletter in wish.newsletters:
        start_period(
            session,
            reader,
            newsletter.id,
            form.evidence,
            now=now,
            site=form.site,
            wording=session.get_one(Wording, wish.words.id),
        )
    return wish.newsletters
