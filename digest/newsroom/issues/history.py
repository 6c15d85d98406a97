"""What was changed in an issue, by whom, and what stood there before: no text is ever lost.

Everybody who changes an issue's words or stories does it in a turn of their own (`begin`): the
issue's row is locked until the transaction ends, so that each sees what the one before did.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Integer, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session, joinedload

from digest import prose
from digest.database.looking import Shape
from digest.database.prepared import Prepared
from digest.errors import NotFoundError, RefusedError
from digest.models import (
    BEFORE_FREEZE,
    ChangedField,
    Issue,
    IssueChange,
    IssueState,
    Story,
)
from digest.newsroom.issues.moving import called

LONGEST_NAME, LONGEST_WORDS, TITLE_AT_MOST = 100, 500, 80
# Who composes, and replaces what was withdrawn.
THE_RULE = "Digest"
ARRANGED = (ChangedField.ROLE, ChangedField.POSITION, ChangedField.STORIES)
ISSUE_TEXTS = (
    ChangedField.SUBJECT,
    ChangedField.PREHEADER,
    ChangedField.NOTE,
    ChangedField.LAST_THING,
)
STORY_TEXTS = (ChangedField.HEADLINE, ChangedField.STANDFIRST, ChangedField.SECTION)

_CHANGE = Shape(IssueChange)
_CHANGES = Prepared(
    select(*_CHANGE.selected)
    .where(IssueChange.issue_id == bindparam("issue_id"))
    .order_by(IssueChange.id.desc())
    .limit(bindparam("at_most", type_=Integer))
)


@dataclass(frozen=True)
class Editor:
    """Who changes an issue: `user_id` is None for whoever types a command."""

    name: str
    user_id: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of what an editor asked for: a row for each field, none where nothing changed.

    `version` is the issue's afterwards; `said` is for where there is no row.
    """

    version: int
    changes: tuple[IssueChange, ...] = ()
    said: str = ""

    @property
    def conflicts(self) -> tuple[IssueChange, ...]:
        """What was not taken, as somebody else had changed the same field first."""
        return tuple(change for change in self.changes if not change.taken)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that were changed."""
        return tuple(sorted({change.field.value for change in self.changes if change.taken}))

    @property
    def sentence(self) -> str:
        """What happened, for whoever asked."""
        words = [change.words for change in self.changes if change.taken]
        return " ".join(words) or self.said


@dataclass
class Turn:
    """One editor's turn at an issue, which nobody else can change meanwhile."""

    session: Session
    issue: Issue
    by: Editor
    now: datetime
    # After the freeze there is nothing left to approve.
    frozen: bool = False
    _changes: list[IssueChange] = field(default_factory=list)

    def story(self, article_id: int) -> Story | None:
        """Return the story of an article, where it is in the issue."""
        return next((each for each in self.issue.stories if each.article_id == article_id), None)

    def take(
        self,
        what: ChangedField,
        before: str | None,
        after: str | None,
        words: str,
        article_id: int | None = None,
        *,
        kept: dict[str, Any] | None = None,
    ) -> None:
        """Write down what was changed. The first change of a turn makes the issue's next version.

        It voids an approval: what was approved is not what would go out. `kept`: what a story that
        is dropped had of its own.
        """
        first = not any(change.taken for change in self._changes)
        if first:
            self.issue.version += 1
        self._add(what, before, after, words, article_id, taken=True, kept=kept)
        if first:
            self._void_by_change()

    def lose(
        self,
        what: ChangedField,
        before: str | None,
        after: str | None,
        words: str,
        article_id: int | None = None,
    ) -> None:
        """Keep what was typed and not taken."""
        self._add(what, before, after, words, article_id, taken=False)

    def end(self, said: str = "Nothing was changed.") -> Outcome:
        """Say what became of it."""
        self.session.flush()
        return Outcome(self.issue.version, tuple(self._changes), said)

    def void_approval(self, words: str) -> None:
        """Take an approval back, where there is one, and say so in the history."""
        by = self.issue.approved_by
        if self.issue.approved_at is None or self.frozen:
            return
        self.issue.approved_at = self.issue.approved_by = None
        if self.issue.newsletter.approval.waits and self.issue.state is IssueState.SCHEDULED:
            self.issue.state = IssueState.DRAFT
        self._add(ChangedField.APPROVAL, by, None, words, None, taken=True)

    def _void_by_change(self) -> None:
        again = "It goes out at its time all the same."
        if self.issue.newsletter.approval.waits:
            again = "It has to be approved again."
        by = self.issue.approved_by or "somebody"
        self.void_approval(f"What {by} approved was changed, so that is void. {again}")

    def _add(
        self,
        what: ChangedField,
        before: str | None,
        after: str | None,
        words: str,
        article_id: int | None,
        *,
        taken: bool,
        kept: dict[str, Any] | None = None,
    ) -> None:
        change = IssueChange(
            issue_id=self.issue.id,
            version=self.issue.version,
            at=self.now,
            user_id=self.by.user_id,
            by=self.by.name[:LONGEST_NAME],
            field=what,
            article_id=article_id,
            before=before,
            after=after,
            words=prose.cut(words, LONGEST_WORDS),
            taken=taken,
            kept=kept,
        )
        self.session.add(change)
        self._changes.append(change)


def begin(session: Session, issue: Issue, by: Editor, now: datetime) -> Turn:
    """Wait for whoever else changes this issue, then read it anew.

    Raises:
        RefusedError: it is frozen, or given up.
    """
    if not lock(session, issue, BEFORE_FREEZE):
        raise _too_late(issue)
    return Turn(session, issue, by, now)


def refuse_frozen(issue: Issue) -> None:
    """Raise RefusedError where an issue is frozen, or given up: nobody changes it any more."""
    if issue.state not in BEFORE_FREEZE:
        raise _too_late(issue)


def _too_late(issue: Issue) -> RefusedError:
    because = f": {issue.reason}" if issue.reason else "."
    return RefusedError(f"It is too late to change {called(issue)}; it is {issue.state}{because}")


def lock(session: Session, issue: Issue, states: Iterable[IssueState]) -> bool:
    """Wait for whoever else changes this issue, then read it anew. False: it is in no such state.

    Its row stays locked until the transaction ends.
    """
    session.flush()
    locked = session.execute(
        update(Issue)
        .where(Issue.id == issue.id, Issue.state.in_(states))
        .values(version=Issue.version)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(locked, CursorResult)
    # All of it: a story that was read before may have been changed since.
    session.expire_all()
    return locked.rowcount > 0


def note_rule(
    session: Session,
    issue: Issue,
    now: datetime,
    words: str,
    asked_by: Editor | None = None,
    **one: Any,
) -> None:
    """Write down what the rule did to the stories; the caller has locked the issue.

    `asked_by`: who had it done; None: its time had come. `one`: of one story, its `article_id`, its
    headline `before` it left or `after` it came back, and what is `kept` of it.
    """
    issue.version += 1
    session.add(
        IssueChange(
            issue_id=issue.id,
            version=issue.version,
            at=now,
            user_id=asked_by.user_id if asked_by else None,
            by=asked_by.name[:LONGEST_NAME] if asked_by else THE_RULE,
            field=ChangedField.STORIES,
            words=prose.cut(words, LONGEST_WORDS),
            **one,
        )
    )


def changed_since(
    session: Session, issue: Issue, version: int, what: ChangedField, article_id: int | None
) -> bool:
    """Tell whether a field was changed after a version of the issue."""
    found = exists().where(
        IssueChange.issue_id == issue.id,
        IssueChange.version > version,
        IssueChange.field == what,
        IssueChange.article_id.is_not_distinct_from(article_id),
        IssueChange.taken,
    )
    return session.execute(select(found)).scalar_one()


def last_change(
    session: Session, issue: Issue, what: ChangedField, article_id: int | None
) -> IssueChange | None:
    """Return the last change of a field that was taken."""
    return session.scalar(
        select(IssueChange)
        .where(
            IssueChange.issue_id == issue.id,
            IssueChange.field == what,
            IssueChange.article_id.is_not_distinct_from(article_id),
            IssueChange.taken,
        )
        .order_by(IssueChange.id.desc())
        .limit(1)
    )


def is_arranged(session: Session, issue: Issue) -> bool:
    """Tell whether a person has ordered the stories since the rule picked them."""
    found = exists().where(
        IssueChange.issue_id == issue.id,
        IssueChange.field.in_(ARRANGED),
        IssueChange.article_id.is_not(None),
        # The rule writes down what was a story's own when that leaves or returns.
        or_(IssueChange.user_id.is_not(None), IssueChange.by != THE_RULE),
        IssueChange.taken,
    )
    if issue.composed_at is not None:
        found = found.where(IssueChange.at >= issue.composed_at)
    return session.execute(select(found)).scalar_one()


def list_changes(session: Session, issue: Issue, at_most: int) -> list[IssueChange]:
    """Return what was done to an issue, the newest first: only to be looked at."""
    return _CHANGE.all(session, _CHANGES.rows(session, issue_id=issue.id, at_most=at_most))


def is_drop(change: IssueChange) -> bool:
    """Tell whether a change is that a story was taken out."""
    out = change.field is ChangedField.STORIES and change.after is None and change.before
    return bool(out) and change.article_id is not None


def dropped_by_person(session: Session, issue: Issue) -> set[int]:
    """Return the articles that a person took out of an issue, and nobody put in again."""
    rows = session.execute(
        select(IssueChange.article_id, IssueChange.after, IssueChange.user_id, IssueChange.by)
        .where(
            IssueChange.issue_id == issue.id,
            IssueChange.field == ChangedField.STORIES,
            IssueChange.article_id.is_not(None),
            or_(IssueChange.before.is_not(None), IssueChange.after.is_not(None)),
            IssueChange.taken,
        )
        .order_by(IssueChange.id)
    )
    last = {article_id: (after, user_id, by) for article_id, after, user_id, by in rows}
    return {
        article_id
        for article_id, (after, user_id, by) in last.items()
        if article_id is not None and after is None and (user_id is not None or by != THE_RULE)
    }


def find_change(session: Session, issue: Issue, change_id: int) -> IssueChange:
    """Return one change of an issue.

    Raises:
        NotFoundError: there is none of that number.
    """
    found = session.get(IssueChange, change_id, options=[joinedload(IssueChange.article)])
    if found is None or found.issue_id != issue.id:
        raise NotFoundError(f"There is no change {change_id} of {called(issue)}.")
    return found


def quoted(title: str) -> str:
    """Return a headline as sentences name a story by it."""
    return f"“{prose.cut(title, TITLE_AT_MOST)}”"
