"""Freezing: after it nothing of an issue changes, whatever happens to articles or templates."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from digest import home
from digest.addresses import AddressError
from digest.database.transactions import Database
from digest.delivery.ledger.audience import snapshot_audience
from digest.delivery.ledger.echoes import proved_domain
from digest.delivery.rendering.issue import (
    ReaderSlots,
    alt_for,
    build_stencil,
    picture_for,
    render_issue,
    view_issue,
)
from digest.delivery.rendering.slots import StencilError
from digest.errors import RefusedError, UnavailableError
from digest.logs import get_logger
from digest.models import Correction, Issue, IssueState, Newsletter, Rendering, Story

# An issue more than this late is for a person to decide about.
LATE = timedelta(hours=12)

# Raises RefusedError where an issue must not go out as it is.
Check = Callable[[Session, Issue], None]

log = get_logger(__name__)


def prepare(
    database: Database,
    issue_id: int,
    *,
    now: datetime,
    late: timedelta = LATE,
    public_url: str,
    inbound_domain: str | None,
    check: Check | None = None,
) -> bool:
    """Freeze an issue that is due; hold it, with the reason, where that cannot be done."""
    try:
        return freeze(
            database,
            issue_id,
            now=now,
            late=late,
            public_url=public_url,
            inbound_domain=inbound_domain,
            check=check,
        )
    except (RefusedError, StencilError) as error:
        reason = str(error)
    except (SQLAlchemyError, UnavailableError):
        raise
    except Exception as error:
        # A mistake of ours: tomorrow's tick would make it as well, and nobody would be told.
        log.exception("issue cannot be frozen", issue=issue_id)
        reason = (
            f"It could not be made ready to send ({type(error).__name__}). The log of the workers "
            "says more."
        )
    with database.transaction() as session:
        session.execute(
            update(Issue)
            .where(Issue.id == issue_id, Issue.state == IssueState.SCHEDULED)
            .values(state=IssueState.HELD, reason=reason[:500])
        )
    return False


def freeze(
    database: Database,
    issue_id: int,
    *,
    now: datetime,
    late: timedelta = LATE,
    public_url: str,
    inbound_domain: str | None,
    check: Check | None = None,
) -> bool:
    """Fix the stories, store the rendered bytes and snapshot the audience: all of it, or nothing.

    Does nothing to an issue that is not scheduled and due, or more than `late` late. Return whether
    this call froze it. `check` is asked before anything is fixed.

    Raises:
        RefusedError: the issue cannot be rendered as it is; the message says why.
    """
    with database.transaction() as session:
        if not _take(session, issue_id, now, late):
            return False
        issue = session.get_one(Issue, issue_id)
        if check is not None:
            check(session, issue)
        for story in issue.stories:
            _copy_article(story)
        session.flush()
        rendering = freeze_bytes(
            session, issue, now=now, public_url=public_url, inbound_domain=inbound_domain
        )
        session.add(rendering)
        session.flush()
        issue.audience = snapshot_audience(session, issue, rendering.id, now)
    return True


def freeze_bytes(
    session: Session, issue: Issue, *, now: datetime, public_url: str, inbound_domain: str | None
) -> Rendering:
    """Render an issue, with its number and its stories as they stand, for the caller to add.

    Raises:
        RefusedError: it cannot be rendered as it is; the message says why.
    """
    view = view_issue(session, issue, public_url, for_mail=True)
    rendered = render_issue(view, ReaderSlots())
    # Read once: what an issue offers stays the same, whatever becomes of domain and setting.
    mail_domain = proved_domain(session, inbound_domain)
    stencil = build_stencil(view, issue, rendered, mail_domain=mail_domain)
    return Rendering(
        issue_id=issue.id,
        variant="default",
        edition=1,
        language=issue.newsletter.language,
        subject=rendered.subject,
        stencil=stencil.to_bytes(),
        created_at=now,
    )


def freeze_again(
    session: Session,
    issue: Issue,
    words: str,
    by: str,
    *,
    user_id: int | None,
    now: datetime,
    public_url: str,
    inbound_domain: str | None,
) -> Correction:
    """Make another edition of an issue's bytes from its corrected words; the caller has its row.

    The bytes there were stay as they are, and so does any row that is on the wire: which edition
    a reader gets is decided when their window opens, by the statement that opens it.

    Raises:
        RefusedError: it cannot be rendered as it is; the message says why.
    """
    last = session.scalar(select(func.max(Rendering.edition)).where(Rendering.issue_id == issue.id))
    try:
        rendering = freeze_bytes(
            session, issue, now=now, public_url=public_url, inbound_domain=inbound_domain
        )
    except (StencilError, AddressError) as error:
        # Of the newsletter's settings as they are today.
        raise RefusedError(f"It cannot be made ready to send as it is: {error}") from error
    rendering.edition = (last or 0) + 1
    session.add(rendering)
    session.flush()
    session.execute(
        update(Rendering)
        .where(
            Rendering.issue_id == issue.id,
            Rendering.variant == rendering.variant,
            Rendering.id != rendering.id,
        )
        .values(replaced_by=rendering.id)
        .execution_options(synchronize_session=False)
    )
    made = Correction(
        issue_id=issue.id,
        edition=rendering.edition,
        at=now,
        user_id=user_id,
        by=by,
        words=words,
    )
    session.add(made)
    session.flush()
    return made


def _take(session: Session, issue_id: int, now: datetime, late: timedelta) -> bool:
    # One issue of a newsletter at a time, so that no two take the same number.
    mine = select(Issue.newsletter_id).where(Issue.id == issue_id)
    session.execute(
        select(Newsletter.id)
        .where(Newsletter.id == mine.scalar_subquery())
        .with_for_update(key_share=True)
    )
    # The condition is the lock: of two workers one sees the row as scheduled, the other waits.
    taken = session.execute(
        update(Issue)
        .where(
            Issue.id == issue_id,
            Issue.state == IssueState.SCHEDULED,
            Issue.send_at <= now,
            Issue.send_at >= now - late,
            home.at_home(session),
        )
        .values(state=IssueState.FROZEN, frozen_at=now)
        .returning(Issue.newsletter_id)
    ).first()
    if taken is None:
        return False
    last = session.execute(
        select(func.max(Issue.number)).where(Issue.newsletter_id == taken.newsletter_id)
    ).scalar_one()
    session.execute(update(Issue).where(Issue.id == issue_id).values(number=(last or 0) + 1))
    return True


def _copy_article(story: Story) -> None:
    article = story.article
    story.image = picture_for(story)
    story.title = story.headline
    story.standfirst = story.blurb or article.standfirst
    story.byline = article.byline
    story.section = story.section or article.section
    story.url = article.url
    story.minutes = article.minutes
    story.image_alt = alt_for(story)
