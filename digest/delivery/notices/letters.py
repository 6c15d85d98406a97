"""Notices as they go on the wire: what each says, and of which nothing is to be told any more."""

from dataclasses import dataclass, replace
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from functools import partial

import structlog
from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from digest import prose
from digest.addresses import AddressError, wire_address
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.messages import Links
from digest.delivery.relay.connection import Envelope, Fate
from digest.delivery.rendering.editor_view import view_for_editor
from digest.delivery.rendering.issue import About, Confirmation, Start, masthead, render_notice
from digest.errors import RefusedError
from digest.models import (
    BEFORE_FREEZE,
    AddressChange,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    PreflightReport,
    Publication,
    SignUp,
    SignUpChoice,
    Subscription,
    User,
    UserLink,
)

# A notice of an issue is news while the issue is in one of these states.
_TOLD_OF = {
    NoticeKind.DRAFT_READY: (IssueState.DRAFT,),
    NoticeKind.REMINDER: (IssueState.DRAFT,),
    NoticeKind.HELD: (IssueState.HELD, IssueState.PAUSED),
    NoticeKind.STORY_WITHDRAWN: BEFORE_FREEZE,
    NoticeKind.TURNED_BAD: BEFORE_FREEZE,
}
# How long the link of one works; the page counts by the calendar.
FRESH_LINK_SECONDS = 30 * 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Letter:
    """A claimed notice as it goes on the wire, or what came of it without."""

    notice_id: int
    attempts: int
    envelope: Envelope | None
    reason: str = ""
    fate: Fate = Fate.REFUSED
    moot: bool = False


def read_letters(database: Database, claim: bytes, links: Links) -> list[Letter]:
    """Write the notices of a claim. Raises nothing for one that cannot be written."""
    with database.reading() as session:
        publication = session.get(Publication, 1)
        notices = session.execute(select(Notice).where(Notice.claim == claim)).scalars()
        return [_letter(session, notice, publication, links) for notice in notices.all()]


def _letter(
    session: Session, notice: Notice, publication: Publication | None, links: Links
) -> Letter:
    letter = partial(Letter, notice.id, notice.attempts)
    try:
        assert publication is not None
        return letter(_write(session, notice, publication, links))
    except _MootError as moot:
        return letter(None, str(moot), moot=True)
    except (AddressError, RefusedError) as error:
        return letter(None, str(error)[:500])
    except SQLAlchemyError:
        raise
    except Exception as error:
        # One that cannot be written must hold up no other. It is tried again: what is wrong may be
        # ours, and mended before it is given up. The words of such errors can quote an address.
        log.exception("a notice could not be written", notice=notice.id)
        words = f"It could not be written ({type(error).__name__})."
        return letter(None, words, Fate.DEFERRED)


def _write(session: Session, notice: Notice, publication: Publication, links: Links) -> Envelope:
    if notice.to_address is None:
        raise RefusedError("The address was erased before the notice could be sent.")
    newsletter = notice.newsletter
    sender = wire_address(newsletter.from_address)
    recipient = wire_address(notice.to_address)
    head = masthead(publication, newsletter, links.public_url)
    about = _about(session, notice, links)
    rendered = render_notice(_template(notice), head, recipient, about)
    message = EmailMessage(policy=SMTP if recipient.isascii() else _UTF8_TO)
    message["From"] = MailAddress(newsletter.from_name, addr_spec=sender)
    # Not as `addr_spec`, which Python takes in ASCII only.
    local, _, domain = recipient.rpartition("@")
    message["To"] = MailAddress(username=local, domain=domain)
    message["Subject"] = rendered.subject
    message["Date"] = notice.created_at
    message["Message-ID"] = f"<notice.{notice.token_id.hex()}@{sender.rpartition('@')[2]}>"
    # RFC 3834 5: no vacation message should answer this.
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = head.language
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    # Random by default, and a retry shall send the same bytes.
    message.set_boundary(f"=-{notice.token_id.hex()}")
    return Envelope(notice.id, sender, recipient, message.as_bytes())


class _RawTo(EmailPolicy):
    """As SMTP's, but for To, in UTF-8 (RFC 6532 3.2): an address beyond ASCII has no other form."""

    def fold_binary(self, name: str, value: str) -> bytes:
        policy = SMTPUTF8 if name.lower() == "to" else SMTP
        return policy.fold_binary(name, value)


_UTF8_TO = _RawTo(linesep="\r\n")


def _about(session: Session, notice: Notice, links: Links) -> About:
    """Return what the notice is about: a link, what it starts, or an issue."""
    if notice.issue is not None:
        if notice.issue.state not in _TOLD_OF[notice.kind]:
            raise _MootError(f"The issue is {notice.issue.state} by now.")
        if notice.kind is NoticeKind.REMINDER and _has_closed(session, notice, notice.issue):
            raise _MootError("The issue would have closed before it arrived.")
        view = view_for_editor(notice.issue, notice.created_at, links.desk_issue(notice.issue.id))
        report = session.get(PreflightReport, notice.issue_id)
        return replace(view, turned_bad=tuple(report.turned_bad)) if report is not None else view
    if notice.kind is NoticeKind.FRESH_LINK:
        return _fresh_link(session, notice, links)
    if notice.kind is NoticeKind.ADDRESS_CHANGED:
        return f"mailto:{notice.newsletter.editor_email}"
    if notice.kind is NoticeKind.USER_LINK:
        return _user_link(session, notice, links)
    if _is_of_new_address(notice):
        return _new_address(session, notice, links)
    if notice.kind is NoticeKind.CONFIRMATION:
        if notice.sign_up is None:
            raise RefusedError("The sign-up is gone.")
        if notice.sign_up.confirmed_at is not None:
            raise _MootError("The sign-up was confirmed before.")
        return _confirmation(session, notice.sign_up, links)
    token_id = session.execute(
        select(Subscription.token_id)
        .where(
            Subscription.subscriber_id == notice.subscriber_id,
            Subscription.newsletter_id == notice.newsletter_id,
        )
        .order_by(Subscription.started_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    if token_id is None:
        raise RefusedError("The subscription is gone.")
    return links.preferences(token_id)


def _has_closed(session: Session, notice: Notice, issue: Issue) -> bool:
    left = max(0.0, (issue.closes_at - notice.created_at).total_seconds())
    over = Notice.released_at < database_now(-left)
    return bool(session.scalar(select(over).where(Notice.id == notice.id)))


def _confirmation(session: Session, sign_up: SignUp, links: Links) -> Confirmation:
    asked = session.execute(
        select(Newsletter, SignUpChoice.topics)
        .join(SignUpChoice, SignUpChoice.newsletter_id == Newsletter.id)
        .where(SignUpChoice.sign_up_id == sign_up.id)
        .order_by(Newsletter.id)
    )
    starts = tuple(
        Start(
            newsletter.name,
            prose.arrival_in_words(newsletter.weekday, newsletter.local_time),
            tuple(newsletter.topics[slug] for slug in topics if slug in newsletter.topics),
        )
        for newsletter, topics in asked
    )
    return Confirmation(links.confirm(sign_up.token_id), starts)


def _template(notice: Notice) -> str:
    return "new_address" if _is_of_new_address(notice) else notice.kind.value


def _is_of_new_address(notice: Notice) -> bool:
    """Tell a confirmation of a reader's new address from that of a sign-up."""
    of_reader = notice.sign_up_id is None and notice.subscriber_id is not None
    return notice.kind is NoticeKind.CONFIRMATION and of_reader


def _new_address(session: Session, notice: Notice, links: Links) -> str:
    asked = select(AddressChange.id).where(AddressChange.token_id == notice.token_id)
    if session.scalar(asked) is None:
        raise _MootError("The change of address was confirmed, or is over.")
    return links.new_address(notice.token_id)


def _fresh_link(session: Session, notice: Notice, links: Links) -> str:
    over = Notice.released_at < database_now(-FRESH_LINK_SECONDS)
    if session.scalar(select(over).where(Notice.id == notice.id)):
        raise _MootError("The link would have run out before it arrived.")
    return links.fresh_link(notice.token_id)


def _user_link(session: Session, notice: Notice, links: Links) -> str:
    too_late = Notice.released_at < database_now(-FRESH_LINK_SECONDS)
    waits = (
        select(UserLink.id)
        .join(UserLink.user)
        .where(
            UserLink.token_id == notice.token_id,
            UserLink.spent_at.is_(None),
            User.disabled_at.is_(None),
            ~exists().where(Notice.id == notice.id, too_late),
        )
    )
    if session.scalar(waits) is None:
        raise _MootError("The link was replaced, or would have run out before it arrived.")
    return links.user_link(notice.token_id)


class _MootError(Exception):
    """There is nothing to tell any more."""
