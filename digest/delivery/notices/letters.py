"""Notices as they go on the wire: what each says, and of which nothing is to be told any more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import format_datetime
from functools import partial

from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from digest.addresses import AddressError, wire_address
from digest.database.transactions import Database
from digest.delivery.messages import Links
from digest.delivery.notices import statements
from digest.delivery.notices.context import Context, Waiting
from digest.delivery.notices.stencils import KeptStencils
from digest.delivery.relay.connection import Envelope, Fate
from digest.delivery.rendering import headers
from digest.delivery.rendering.editor_view import EditorView, view_for_editor
from digest.delivery.rendering.issue import About, Confirmation
from digest.delivery.rendering.notice import ACTION_URL
from digest.delivery.rendering.slots import SlotValueError
from digest.delivery.signing.signatory import Signatory, SigningError
from digest.errors import RefusedError
from digest.logs import get_logger
from digest.models import (
    BEFORE_FREEZE,
    ChangedField,
    Correction,
    Issue,
    IssueChange,
    IssueState,
    NoticeKind,
    PreflightReport,
    WaitingCorrection,
)
from digest.tokens import OF_A_NOTICE

# A notice of an issue is news while the issue is in one of these states.
_TOLD_OF = {
    NoticeKind.DRAFT_READY: (IssueState.DRAFT,),
    NoticeKind.REMINDER: (IssueState.DRAFT,),
    NoticeKind.HELD: (IssueState.HELD, IssueState.PAUSED),
    NoticeKind.STORY_WITHDRAWN: BEFORE_FREEZE,
    NoticeKind.TURNED_BAD: BEFORE_FREEZE,
    NoticeKind.CORRECTION_WAITS: (IssueState.PAUSED, IssueState.SENT),
}
# How long the link of one works; the page counts by the calendar.
FRESH_LINK_SECONDS = 30 * 60
# One for all threads of a process.
_STENCILS = KeptStencils()

log = get_logger(__name__)


@dataclass(frozen=True)
class Letter:
    """A claimed notice as it goes on the wire, or what came of it without."""

    notice_id: int
    attempts: int
    envelope: Envelope | None
    reason: str = ""
    fate: Fate = Fate.REFUSED
    moot: bool = False
    waits: bool = False
    """It is to be signed, and cannot be until a person has done something."""


def read_letters(
    database: Database,
    token: bytes,
    ids: Sequence[int],
    links: Links,
    signatory: Signatory | None = None,
) -> list[Letter]:
    """Write the claimed notices `ids`, after the claim's commit, the longest due first.

    Reads in a number of statements that does not grow with that of the notices, but for those of
    different issues. Raises nothing for one that cannot be written.
    """
    with database.reading() as session:
        statement = statements.reading(statements.has_arrays(session))
        found = statements.run(session, statement, ids=ids, token=token)
        notices = [Waiting(*row) for row in found]
        context = Context(session, notices, links.public_url, signatory)
        letters = [_letter(context, notice, links) for notice in notices]
    waiting = [letter for letter in letters if letter.waits]
    if waiting:
        log.warning("notices wait", notices=len(waiting), reason=waiting[0].reason)
    return letters


def _letter(context: Context, notice: Waiting, links: Links) -> Letter:
    letter = partial(Letter, notice.id, notice.attempts)
    try:
        return letter(_write(context, notice, links))
    except _MootError as moot:
        return letter(None, str(moot), moot=True)
    except (AddressError, RefusedError) as error:
        return letter(None, str(error)[:500])
    except SigningError as error:
        return letter(None, str(error), Fate.UNSENT, waits=True)
    except SQLAlchemyError:
        raise
    except Exception as error:
        # One that cannot be written must hold up no other. It is tried again: what is wrong may be
        # ours, and mended before it is given up. The words of such errors can quote an address.
        log.exception("a notice could not be written", notice=notice.id)
        words = f"It could not be written ({type(error).__name__})."
        return letter(None, words, Fate.DEFERRED)


def _write(context: Context, notice: Waiting, links: Links) -> Envelope:
    if notice.to_address is None:
        raise RefusedError("The address was erased before the notice could be sent.")
    paper = context.notepaper(notice.newsletter_id)
    recipient = wire_address(notice.to_address)
    about, link = _about(context, notice, links)
    template = "new_address" if notice.is_of_new_address else notice.kind.value
    domain = paper.from_address.rpartition("@")[2]
    values = {
        headers.ADDRESS.name: recipient,
        headers.DATE.name: format_datetime(notice.created_at),
        headers.MESSAGE_ID.name: f"notice.{notice.token_id.hex()}@{domain}",
        ACTION_URL.name: link,
    }
    try:
        kept = _STENCILS.get(template, paper, about, context.keys(paper.from_address))
        message = kept.stencil.fill(values, kept.seal(notice.created_at))
    except SlotValueError as error:
        if error.slot != headers.ADDRESS.name:
            raise
        raise AddressError(f"The address {error.reason}") from error
    # The stencil answers for 7-bit lines alone.
    sender = links.envelope_sender(notice.token_id, OF_A_NOTICE, paper.from_address)
    return Envelope(notice.id, sender, recipient, message, tidy=recipient.isascii())


def _about(context: Context, notice: Waiting, links: Links) -> tuple[About, str]:
    """Return what the notice is about, as it is told to all; and the link that is one person's.

    Raises:
        _MootError: there is nothing to tell any more.
        RefusedError: what it is about is gone.
    """
    if notice.issue_id is not None:
        return _issue(context, notice, links), ""
    if notice.kind is NoticeKind.ADDRESS_CHANGED:
        return f"mailto:{context.newsletter(notice.newsletter_id).editor_email}", ""
    if notice.kind is NoticeKind.CONFIRMATION and not notice.is_of_new_address:
        return _confirmation(context, notice, links)
    return ACTION_URL, _link(context, notice, links)


def _link(context: Context, notice: Waiting, links: Links) -> str:
    if notice.kind is NoticeKind.FRESH_LINK:
        if notice.age > FRESH_LINK_SECONDS:
            raise _MootError("The link would have run out before it arrived.")
        return links.fresh_link(notice.token_id)
    if notice.kind is NoticeKind.USER_LINK:
        if notice.age > FRESH_LINK_SECONDS or notice.token_id not in context.open_links:
            raise _MootError("The link was replaced, or would have run out before it arrived.")
        return links.user_link(notice.token_id)
    if notice.is_of_new_address:
        if notice.token_id not in context.asked_changes:
            raise _MootError("The change of address was confirmed, or is over.")
        return links.new_address(notice.token_id)
    token_id = context.last_token(notice.subscriber_id, notice.newsletter_id)
    if token_id is None:
        raise RefusedError("The subscription is gone.")
    return links.preferences(token_id)


def _confirmation(context: Context, notice: Waiting, links: Links) -> tuple[Confirmation, str]:
    if notice.sign_up_id is None or notice.asked_by is None:
        raise RefusedError("The sign-up is gone.")
    if notice.is_confirmed:
        raise _MootError("The sign-up was confirmed before.")
    return Confirmation(ACTION_URL, context.starts(notice.sign_up_id)), links.confirm(
        notice.asked_by
    )


def _issue(context: Context, notice: Waiting, links: Links) -> EditorView:
    issue = context.session.get_one(Issue, notice.issue_id)
    if issue.state not in _TOLD_OF[notice.kind]:
        raise _MootError(f"The issue is {issue.state} by now.")
    left = max(0.0, (issue.closes_at - notice.created_at).total_seconds())
    if notice.kind is NoticeKind.REMINDER and notice.age > left:
        raise _MootError("The issue would have closed before it arrived.")
    if notice.kind is NoticeKind.CORRECTION_WAITS:
        return _correction(context.session, notice, issue, links)
    view = view_for_editor(issue, notice.created_at, links.desk_issue(issue.id))
    report = context.session.get(PreflightReport, issue.id)
    return replace(view, turned_bad=tuple(report.turned_bad)) if report is not None else view


def _correction(session: Session, notice: Waiting, issue: Issue, links: Links) -> EditorView:
    if issue.state is IssueState.SENT:
        waiting = session.get(WaitingCorrection, issue.id)
        if waiting is None:
            raise _MootError("Somebody else has confirmed it, or it was dropped.")
        view = view_for_editor(issue, notice.created_at, f"{links.desk_issue(issue.id)}/correct")
        return replace(view, corrected_by=waiting.by, corrected=waiting.words, has_gone=True)
    let_go = exists().where(
        IssueChange.issue_id == issue.id,
        IssueChange.field == ChangedField.APPROVAL,
        IssueChange.at >= notice.created_at,
    )
    if session.scalar(select(let_go)):
        raise _MootError("Somebody else has sent it on.")
    made = select(Correction).where(Correction.issue_id == issue.id)
    last = session.scalars(made.order_by(Correction.edition.desc()).limit(1)).one()
    # Where it is sent on.
    view = view_for_editor(issue, notice.created_at, f"{links.desk_issue(issue.id)}/sending")
    return replace(view, corrected_by=last.by, corrected=last.words)


class _MootError(Exception):
    """There is nothing to tell any more."""
