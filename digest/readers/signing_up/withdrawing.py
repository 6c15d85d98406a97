"""A sign-up with the wrong address is taken back, by whoever was shown the page about it."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.models import Notice, NoticeKind, NoticeState, SignUp
from digest.readers.consent.forgetting import forget_strangers
from digest.readers.mails_a_day import slots_of
from digest.suppression import SuppressionKey
from digest.tokens import new_token_id


def withdraw(
    session: Session, token_id: bytes, *, now: datetime, suppression: SuppressionKey
) -> None:
    """Take back a sign-up that waits: its mail if it was not sent, and the address that it holds.

    A link that is on its way leads nowhere then. Its mail goes on counting as one of the day's:
    else a stranger could have any number of them sent. The same statements run where there is no
    such sign-up, which only whoever has the address may know.
    """
    row = session.execute(
        select(SignUp.id, SignUp.subject, SignUp.email_key, SignUp.requested_at).where(
            SignUp.token_id == token_id,
            SignUp.confirmed_at.is_(None),
            SignUp.email_key.is_not(None),
            SignUp.expires_at > now,
        )
    ).one_or_none()
    sign_up = row.id if row else 0
    mailbox = suppression.mailbox_mac(row.email_key if row else "")
    slots = slots_of(NoticeKind.CONFIRMATION, mailbox, row.requested_at if row else now)
    session.execute(
        update(Notice)
        .where(
            Notice.once.in_(slots),
            Notice.sign_up_id == sign_up,
            Notice.state.in_((NoticeState.QUEUED, NoticeState.SENDING)),
        )
        .values(state=NoticeState.CANCELLED, to_address=None, claim=None, final_at=database_now())
        .execution_options(synchronize_session=False)
    )
    # Unless it was confirmed a moment ago.
    session.execute(
        update(SignUp)
        .where(SignUp.id == sign_up, SignUp.confirmed_at.is_(None))
        .values(email=None, email_key=None, name=None, form=None, expires_at=now)
        .execution_options(synchronize_session=False)
    )
    forget_strangers(session, {row.subject if row else new_token_id()})
