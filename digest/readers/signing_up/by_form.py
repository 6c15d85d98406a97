"""How many readers each form on the publisher's sites brought, of those who asked last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from digest.models import Consent, ConsentDetail, ConsentKind, Newsletter

# Events in the order in which they were written, the newest: no more are read.
EVENTS_AT_MOST = 20_000


@dataclass(frozen=True)
class FormCount:
    """What one form brought. `form` is None where it had no name, or is forgotten."""

    newsletter: str
    form: str | None
    asked: int
    confirmed: int
    last_at: datetime


def sign_ups_by_form(session: Session) -> Sequence[FormCount]:
    """Count people by newsletter and form, the most first, among the last 20,000 events."""
    newest = session.scalar(select(func.max(Consent.id))) or 0
    recent = Consent.id > newest - EVENTS_AT_MOST
    confirmed = (
        select(Consent.subject, Consent.newsletter_id)
        .where(recent, Consent.kind == ConsentKind.CONFIRMED)
        .distinct()
        .subquery()
    )
    asked = func.count(Consent.subject.distinct())
    rows = session.execute(
        select(
            Newsletter.name,
            ConsentDetail.form,
            asked,
            func.count(confirmed.c.subject.distinct()),
            func.max(Consent.at),
        )
        .join(Newsletter, Newsletter.id == Consent.newsletter_id)
        .outerjoin(ConsentDetail, ConsentDetail.consent_id == Consent.id)
        .outerjoin(
            confirmed,
            and_(
                confirmed.c.subject == Consent.subject,
                confirmed.c.newsletter_id == Consent.newsletter_id,
            ),
        )
        .where(recent, Consent.kind == ConsentKind.REQUESTED)
        .group_by(Newsletter.name, ConsentDetail.form)
        .order_by(asked.desc(), Newsletter.name, ConsentDetail.form)
    )
    return [FormCount(*row) for row in rows]
