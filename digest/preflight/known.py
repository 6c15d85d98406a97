"""What the database knows of an issue that preflight looks over, asked in one statement.

The desk's page looks an issue over each time that it is shown, and to ask costs it more than to
answer costs the database. So all of it is one statement, whose rows say by `kind` what they are.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from digest.database.prepared import Prepared
from digest.database.tables import UtcDateTime
from digest.models import (
    AFTER_FREEZE,
    AcceptedFinding,
    ChangedField,
    Issue,
    IssueChange,
    LinkAnswer,
    LinkCheck,
    Rendering,
    Story,
)
from digest.newsroom.issues.moving import name_of
from digest.preflight.findings import Accepted
from digest.preflight.links import LASTS, Check, hash_of

_CHECK, _ACCEPTED, _PICKED, _EARLIER, _SUBJECT = range(5)

_ISSUE = bindparam("issue_id", type_=Issue.id.type)
_NEWSLETTER = bindparam("newsletter_id", type_=Issue.id.type)
_COLUMNS = {
    "id": Issue.id.type,
    "number": Issue.number.type,
    "day": Date(),
    "at": UtcDateTime(),
    "name": String(),
    "word": String(),
    "final": String(),
    "words": String(),
}


class Known(NamedTuple):
    """What is known: of links by their addresses, of stories by the ids of their articles.

    `picked`: when a person did. `earlier`: the last issue that had it, and `same_subject` the last
    that had the subject, as sentences name them.
    """

    checks: dict[str, Check]
    accepted: dict[str, Accepted]
    picked: dict[int, datetime]
    earlier: dict[int, str]
    same_subject: str | None


def _rows(kind: int, **given: Any) -> Select[*tuple[Any, ...]]:
    def column(name: str, type_: Any) -> ColumnElement[Any]:
        value = given.get(name)
        return (cast(null(), type_) if value is None else type_coerce(value, type_)).label(name)

    columns = (column(name, type_) for name, type_ in _COLUMNS.items())
    return select(literal(kind, Integer).label("kind"), *columns)


_KNOWN = Prepared(
    union_all(
        _rows(
            _CHECK,
            name=LinkCheck.url,
            word=LinkCheck.answer,
            final=LinkCheck.final_url,
            words=LinkCheck.words,
            at=LinkCheck.checked_at,
        ).where(
            LinkCheck.url_hash.in_(bindparam("hashes", expanding=True)),
            LinkCheck.checked_at > bindparam("since"),
        ),
        _rows(
            _ACCEPTED, name=AcceptedFinding.code, word=AcceptedFinding.by, at=AcceptedFinding.at
        ).where(AcceptedFinding.issue_id == _ISSUE),
        _rows(_PICKED, id=IssueChange.article_id, at=func.max(IssueChange.at))
        .where(
            IssueChange.issue_id == _ISSUE,
            IssueChange.field == literal(ChangedField.STORIES, IssueChange.field.type),
            IssueChange.article_id.is_not(None),
            IssueChange.after.is_not(None),
            IssueChange.taken,
        )
        .group_by(IssueChange.article_id),
        _rows(
            _EARLIER, id=Story.article_id, number=Issue.number, day=Issue.dateline, at=Issue.send_at
        )
        .join_from(Story, Issue, Issue.id == Story.issue_id)
        .where(
            Story.article_id.in_(bindparam("articles", expanding=True)),
            Issue.newsletter_id == _NEWSLETTER,
            Issue.id != _ISSUE,
            Issue.state.in_(AFTER_FREEZE),
        ),
        _rows(_SUBJECT, number=Issue.number, day=Issue.dateline, at=Issue.frozen_at)
        .join_from(Rendering, Issue, Issue.id == Rendering.issue_id)
        .where(
            Issue.newsletter_id == _NEWSLETTER,
            Issue.id != _ISSUE,
            Issue.frozen_at.is_not(None),
            func.lower(Rendering.subject) == func.lower(bindparam("subject", type_=String)),
        ),
    )
)


def known_of(
    session: Session, issue: Issue, links: Collection[str], subject: str | None, now: datetime
) -> Known:
    """Ask what is known of an issue, the `links` of its mail and its `subject`; None: it has none.

    Of links it is what they answered within the hour.
    """
    rows = _KNOWN.rows(
        session,
        issue_id=issue.id,
        newsletter_id=issue.newsletter_id,
        articles=[story.article_id for story in issue.stories],
        hashes=[hash_of(link) for link in links],
        since=now - LASTS,
        subject=subject or "",
    )
    known = Known({}, {}, {}, {}, None)
    # The last of them stands.
    for kind, id_, number, day, moment, name, word, final, words in sorted(rows, key=_by_time):
        at = moment.astimezone(UTC)
        if kind == _CHECK:
            known.checks[name] = Check(name, LinkAnswer(word), final, words, at)
        elif kind == _ACCEPTED:
            known.accepted[name] = Accepted(name, word, at)
        elif kind == _PICKED:
            known.picked[id_] = at
        elif kind == _EARLIER:
            known.earlier[id_] = name_of(number, day)
        elif subject is not None:
            known = known._replace(same_subject=name_of(number, day))
    return known


def _by_time(row: Any) -> datetime:
    at: datetime = row[4]
    return at
