"""Approving an issue: from then on it goes out by itself, at its time.

Where its newsletter asks for a second person, whoever wrote in an issue cannot approve it, and
whoever corrected it after its freeze cannot send it on. What was approved, and as which version,
stands in the issue's history.
"""

from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from digest import prose
from digest.errors import FieldError, RefusedError
from digest.home import refuse_if_moved
from digest.models import (
    Approval,
    ChangedField,
    Issue,
    IssueChange,
    IssueState,
    Newsletter,
    Story,
)
from digest.newsroom.issues.history import (
    ISSUE_TEXTS,
    LONGEST_NAME,
    STORY_TEXTS,
    THE_RULE,
    Editor,
    begin,
)
from digest.newsroom.issues.moving import called, move

LONGEST_OVERRIDE = 300
BY_ITSELF = "Digest, by itself"


def approve(
    session: Session,
    issue: Issue,
    by: str,
    now: datetime,
    *,
    version: int | None = None,
    user_id: int | None = None,
    override: str | None = None,
) -> None:
    """Approve a composed draft; it is frozen and sent when its `send_at` comes.

    `version`: the one that was looked at; None: the issue as it is now. `user_id`: who approves,
    where it is a user of the desk. `override`: why the server's operator approves it although the
    newsletter asks for a second person; all editors see it.

    Raises:
        FieldError: `override` says nothing, or too much.
        RefusedError: with the reason in words.
    """
    refuse_if_moved(session)
    if issue.state is IssueState.HELD:
        raise RefusedError(
            f"It is held: {issue.reason} Send it now, or schedule it for a new time."
        )
    if issue.state is not IssueState.DRAFT:
        raise RefusedError(f"Only a draft can be approved, and {called(issue)} is {issue.state}.")
    refuse_empty(session, issue)
    refuse_uncomposed(issue)
    refuse_unseen(issue, version)
    beside = refuse_writer(session, issue, by, user_id, override)
    move(session, issue, IssueState.SCHEDULED, approved_at=now, approved_by=by)
    note_approval(session, issue, by, now, user_id=user_id, beside=beside)


def refuse_empty(session: Session, issue: Issue) -> None:
    """Raise RefusedError where an issue has no stories."""
    found = session.scalar(
        select(func.count()).select_from(Story).where(Story.issue_id == issue.id)
    )
    if not found:
        raise RefusedError(f"There are no stories in {called(issue)} yet. Compose it first.")


def waits_for_the_rule(issue: Issue) -> bool:
    """Tell whether people chose stories ahead, and the rule has yet to pick the rest.

    Nobody means to send three pins alone; a special edition may be what was chosen, and no more.
    """
    ahead = issue.composed_at is None and any(each.is_by_hand for each in issue.stories)
    of_calendar = issue.occurrence_on is not None
    return ahead and of_calendar and len(issue.stories) < issue.newsletter.story_count


def refuse_uncomposed(issue: Issue) -> None:
    """Raise RefusedError where the rule has yet to pick the rest of an issue."""
    if waits_for_the_rule(issue):
        have = prose.number_in_words(len(issue.stories))
        of = prose.count_in_words(issue.newsletter.story_count, "story", "stories")
        raise RefusedError(
            f"{prose.at_start(called(issue))} is not composed yet: it has {have} of its {of}. Let "
            "us pick the rest first (digest issue compose), and look at it. What you do not want, "
            "you can drop."
        )


def refuse_unseen(issue: Issue, version: int | None) -> None:
    """Raise RefusedError where an issue is not the version that was looked at (None: any)."""
    if version is not None and version != issue.version:
        raise RefusedError("It was changed since you looked. Look at it, then approve it.")


def has_written(session: Session, issue: Issue, user_id: int) -> bool:
    """Tell whether a user changed anything in an issue, or tried to."""
    found = exists().where(
        IssueChange.issue_id == issue.id,
        IssueChange.user_id == user_id,
        IssueChange.field != ChangedField.APPROVAL,
    )
    return session.execute(select(found)).scalar_one()


def refuse_writer(
    session: Session, issue: Issue, by: str, user_id: int | None, override: str | None
) -> str:
    """Refuse whom the newsletter's rule refuses; return what an override adds to the history.

    Raises:
        FieldError, RefusedError: see `approve`.
    """
    asked = issue.newsletter.approval is Approval.SECOND_PERSON
    if override is not None:
        if not asked:
            raise RefusedError("There is nothing to override: no second person is asked for.")
        return f" without a second person. The reason: {cleaned_override(override)}"
    if not asked:
        return ""
    if user_id is None:
        raise RefusedError(
            "It needs a second person: a user of the desk who has not written in it. Name them "
            "(--as USER); whoever runs the server can go past that (--override REASON)."
        )
    if has_written(session, issue, user_id):
        raise RefusedError(
            f"{by} has written in {called(issue)}. It needs a second person: somebody who has not "
            "has to approve it."
        )
    return ""


def let_go_on(
    session: Session,
    issue: Issue,
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
    override: str | None = None,
) -> None:
    """Let a corrected issue be sent, where its newsletter asks for a second person.

    Called in the transaction that set it going. Whoever corrected it since it was last let go
    cannot let it go; who does stands in its history. `version`, `override`: as for `approve`.

    Raises:
        FieldError: `override` says nothing, or too much.
        RefusedError: it needs somebody else, or another look; or there is nothing to override.
    """
    asked = issue.newsletter.approval is Approval.SECOND_PERSON
    goes = issue.state is IssueState.SENDING
    writers = _correctors(session, issue) if asked and goes else set()
    if not writers:
        if override is not None:
            raise RefusedError("There is nothing to override: no second person is asked for.")
        return
    beside = ""
    if override is not None:
        beside = f" without a second person. The reason: {cleaned_override(override)}"
    elif by.user_id is None:
        raise RefusedError(
            "It was corrected, and needs a second person: a user of the desk who has not corrected "
            "it, by the desk or by command (issue resume and delivery resend: --as USER; delivery "
            "resolve: --as-user USER). Whoever runs the server can go past that (--override "
            "REASON)."
        )
    elif by.user_id in writers:
        raise RefusedError(
            f"{by.name} has corrected {called(issue)}. It needs a second person: somebody who has "
            "not has to send it on."
        )
    elif version is not None and version != issue.version:
        raise RefusedError("It was corrected since you looked. Look at it, then send it on.")
    note_approval(session, issue, by.name, now, user_id=by.user_id, beside=beside)


def waits_for_second_person(session: Session, issue: Issue) -> int | None:
    """Return the history's last row before a correction that waits for a second person to send on.

    So all corrections that wait for the same press of the button have one. None: nothing waits.
    """
    asked = issue.newsletter.approval is Approval.SECOND_PERSON
    if not asked or issue.state is not IssueState.PAUSED or not _correctors(session, issue):
        return None
    approved = select(func.max(IssueChange.id)).where(
        IssueChange.issue_id == issue.id, IssueChange.field == ChangedField.APPROVAL
    )
    return session.scalar(approved) or 0


def _correctors(session: Session, issue: Issue) -> set[int | None]:
    """Return who corrected it since its last approval; None among them: by a command, no user."""
    if issue.frozen_at is None:
        return set()
    approved = select(func.max(IssueChange.id)).where(
        IssueChange.issue_id == issue.id, IssueChange.field == ChangedField.APPROVAL
    )
    corrected = select(IssueChange.user_id).where(
        IssueChange.issue_id == issue.id,
        IssueChange.id > func.coalesce(approved.scalar_subquery(), 0),
        IssueChange.at >= issue.frozen_at,
        IssueChange.field.in_((*ISSUE_TEXTS, *STORY_TEXTS)),
        IssueChange.taken,
    )
    return set(session.scalars(corrected))


def note_approval(
    session: Session,
    issue: Issue,
    by: str,
    now: datetime,
    *,
    user_id: int | None = None,
    beside: str = "",
) -> None:
    """Write into the history who approved which version."""
    session.add(
        IssueChange(
            issue_id=issue.id,
            version=issue.version,
            at=now,
            user_id=user_id,
            by=by[:LONGEST_NAME],
            field=ChangedField.APPROVAL,
            after=by,
            words=f"Version {issue.version} is approved{beside or '.'}",
        )
    )
    session.flush()


def approval_of(session: Session, issue: Issue) -> IssueChange | None:
    """Return the history's word on the approval that stands; None where none does."""
    if issue.approved_at is None:
        return None
    last = session.scalar(
        select(IssueChange)
        .where(IssueChange.issue_id == issue.id, IssueChange.field == ChangedField.APPROVAL)
        .order_by(IssueChange.id.desc())
        .limit(1)
    )
    return last if last is not None and last.after is not None else None


def keep_to_policy(session: Session, newsletter: Newsletter, now: datetime) -> None:
    """Void what was approved by an older policy, and would not be by the newsletter's new one.

    Raises:
        RefusedError: one of its issues was frozen at the same moment.
    """
    if not newsletter.approval.waits:
        return
    # What is held comes back as approved, if it had been: a new time approves nothing.
    approved = or_(
        Issue.state == IssueState.SCHEDULED,
        (Issue.state == IssueState.HELD) & Issue.approved_at.is_not(None),
    )
    mine = select(Issue).where(Issue.newsletter_id == newsletter.id, approved)
    for issue in session.scalars(mine).all():
        turn = begin(session, issue, Editor(THE_RULE), now)
        if _is_by_policy(session, issue):
            continue
        whose = issue.approved_by or "nobody"
        turn.void_approval(f"The newsletter’s approval is stricter now: what {whose} did is void.")
        if issue.state is IssueState.SCHEDULED:
            # One that had gone on without an approval as well.
            issue.state = IssueState.DRAFT
    session.flush()


def _is_by_policy(session: Session, issue: Issue) -> bool:
    if issue.approved_at is None or issue.approved_by == BY_ITSELF:
        return False
    if issue.newsletter.approval is Approval.REQUIRED:
        return True
    told = approval_of(session, issue)
    user_id = told.user_id if told is not None else None
    return user_id is not None and not has_written(session, issue, user_id)


def cleaned_override(reason: str) -> str:
    """Return the reason for an override on one line.

    Raises:
        FieldError: it says nothing, or too much.
    """
    words = " ".join(reason.split())
    if not 0 < len(words) <= LONGEST_OVERRIDE:
        raise FieldError("override", f"Say why, in at most {LONGEST_OVERRIDE} characters.")
    return prose.ended(words)
