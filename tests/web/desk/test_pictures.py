"""The desk as the tutorial shows it: The Halyard on the Monday after its last issue.

DIGEST_WRITE_PICTURES=1 in the environment (`make pictures`) takes the pictures of docs/img anew.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli.halyard import NOTE
from digest.desk.audit import OPERATOR
from digest.desk.sessions import Browser, open_session
from digest.desk.users import Granted, create_user
from digest.models import (
    AcceptedMinute,
    Article,
    Counted,
    DayCount,
    DeliveryState,
    EndedReason,
    Issue,
    IssueTotal,
    Newsletter,
    Role,
    Story,
    StoryRole,
)
from digest.newsroom.issues.composing import create_issue
from tests.browser import OpenPage
from tests.web.gallery import MONDAY, Gallery, open_gallery
from tests.web.looking import Scheme, take_picture

STORIES, BRIEFS_FROM = 8, 6
DAYS, MINUTES = 168, 9

# The file; where under /desk/; width and height; scheme.
PICTURES: tuple[tuple[str, str, int, int, Scheme], ...] = (
    ("desk-week-1440-light", "", 1440, 420, "light"),
    ("desk-compose-1440-light", "issues/{draft}", 1440, 900, "light"),
    ("desk-compose-1440-dark", "issues/{draft}", 1440, 900, "dark"),
    ("desk-compose-768-light", "issues/{draft}", 768, 1000, "light"),
    ("desk-compose-390-dark", "issues/{draft}", 390, 844, "dark"),
    ("desk-report-1440-light", "issues/{last}/report", 1440, 900, "light"),
)


@pytest.fixture(scope="module")
def monday(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Gallery, str, dict[str, int]]]:
    """The paper, the secret of its editor's session, and ids of issues by what they are."""
    with open_gallery(tmp_path_factory.mktemp("monday")) as gallery:
        database = gallery.runtime.database
        with database.transaction() as session:
            owner = [Granted(Role.OWNER)]
            email, name = "imara@halyard.example", "Imara Vance-Oduya"
            imara = create_user(session, OPERATOR, email, name, owner, now=MONDAY)
            _, secret = open_session(session, imara, Browser(), now=MONDAY, proved=True)
            draft = _draft(session)
            last = session.scalars(select(Issue).where(Issue.number == 42)).one()
            _count(session, last)
        yield gallery, secret, {"draft": draft, "last": last.id}


def _draft(session: Session) -> int:
    newsletter = session.scalars(select(Newsletter)).one()
    issue = create_issue(session, newsletter, MONDAY.date() + timedelta(days=5), MONDAY)
    issue.composed_at, issue.note = MONDAY, NOTE
    illustrated = select(Article).where(Article.thumbnail.is_not(None)).order_by(Article.id.desc())
    for position, article in enumerate(session.scalars(illustrated.limit(STORIES)), start=1):
        role = StoryRole.STORY if position < BRIEFS_FROM else StoryRole.BRIEF
        role = StoryRole.LEAD if position == 1 else role
        session.add(Story(issue=issue, article=article, position=position, role=role))
    session.flush()
    return issue.id


def _count(session: Session, last: Issue) -> None:
    """Let the paper have as many readers as LOOK.md says, in what the tick counts for reports."""
    for days in range(DAYS):
        day, came, went = MONDAY.date() - timedelta(days=days), 230 + days % 7 * 21, 11 + days % 5
        for what, detail, readers in (
            (Counted.STARTED, "", came),
            (Counted.ENDED, EndedReason.LEFT.value, went),
        ):
            row = {"day": day, "what": what, "detail": detail, "readers": readers}
            session.add(DayCount(newsletter_id=last.newsletter_id, **row))
    ended = [(DeliveryState.ACCEPTED, "", 0, 48_103), (DeliveryState.BOUNCED, "", 0, 0)]
    ended += [(DeliveryState.FAILED, "refused", 550, 71), (DeliveryState.EXCLUDED, "left", 0, 42)]
    for state, reason, code, readers in ended:
        session.add(
            IssueTotal(issue_id=last.id, state=state, reason=reason, code=code, readers=readers)
        )
    for minute in range(MINUTES):
        at = last.send_at + timedelta(minutes=minute)
        readers = 5_400 if minute < MINUTES - 1 else 48_103 - 5_400 * (MINUTES - 1)
        session.add(AcceptedMinute(issue_id=last.id, minute=at, readers=readers))
    last.audience, last.counted_at = sum(row[3] for row in ended), MONDAY


@pytest.mark.parametrize(("file", "path", "width", "height", "scheme"), PICTURES)
def test_pictures_for_the_docs(
    monday: tuple[Gallery, str, dict[str, int]],
    open_page: OpenPage,
    tmp_path: Path,
    file: str,
    path: str,
    width: int,
    height: int,
    scheme: Scheme,
) -> None:
    gallery, secret, ids = monday
    page = open_page(width=width, height=height, colour_scheme=scheme).page
    page.context.add_cookies([{"name": "digest_desk", "value": secret, "url": gallery.url}])
    page.goto(f"{gallery.url}/desk/{path.format(**ids)}")
    take_picture(page, file, tmp_path, whole=False)
