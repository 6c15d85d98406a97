"""Reports at the desk: what they say is what the tables say, the files hold, and the rows are."""

import csv
import io
import re
from datetime import date, timedelta
from html import unescape

import pytest
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.delivery.ledger.totals import count_issues
from digest.desk.users import Granted
from digest.models import (
    Bounce,
    BounceKind,
    BounceReason,
    Counted,
    DayCount,
    Delivery,
    DeliveryState,
    Farewell,
    Issue,
    IssueState,
    LeavingReason,
    Newsletter,
    Role,
    Story,
    StoryClicks,
)
from digest.readers.data.day_counts import count_days
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_reader
from tests.web.conftest import heading, words
from tests.web.desk.conftest import Colleague, Join

Table = list[tuple[str, str]]
ROW = re.compile(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', re.DOTALL)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def table(page: str, key: str) -> Table:
    """Return the table behind a figure of a page."""
    section = page.partition(f'id="{key}"')[2].partition("</section>")[0]
    return [(unescape(label), unescape(said)) for label, said in ROW.findall(section)]


def file(colleague: Colleague, path: str) -> Table:
    answer = colleague.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return [(row[0], row[1]) for row in csv.reader(io.StringIO(answer.text))][1:]


def strip(page: str) -> dict[str, int]:
    found = re.findall(r"<dt>(.*?)[.<].*?<dd>([\d,]+)</dd>", page, re.DOTALL)
    return {words_: int(number.replace(",", "")) for words_, number in found}


@pytest.fixture
def sent(database: Database, newsletter: Newsletter) -> int:
    """An issue with seven readers, as it stands on Saturday at seven."""
    with database.transaction() as session:
        found = session.get_one(Newsletter, newsletter.id)
        found.count_clicks = True
        for place in range(7):
            make_reader(session, found, f"reader{place}@example.org")
        issue_id = make_issue(session, found, [make_article(session, "port")]).id
    url = "http://127.0.0.1:8000"
    assert freeze(database, issue_id, now=NOW, public_url=url, inbound_domain=None)
    ends = (*[DeliveryState.ACCEPTED] * 5, DeliveryState.FAILED, DeliveryState.IN_DOUBT)
    with database.transaction() as session:
        for place, (row, state) in enumerate(
            zip(session.scalars(select(Delivery)), ends, strict=True)
        ):
            row.state, row.final_at = state, NOW + timedelta(minutes=place)
            row.reason, row.code = (
                ("refused", 550) if state is DeliveryState.FAILED else (None, None)
            )
        session.execute(update(Issue).values(state=IssueState.SENT, sent_at=NOW))
        story = session.scalars(select(Story)).one()
        session.add(StoryClicks(story_id=story.id, clicks=4, by_machines=12))
    return issue_id


def test_an_issue_s_report_says_what_its_tables_and_files_say(
    sent: int, database: Database, join: Join
) -> None:
    count_issues(database, NOW)
    count_days(database, NOW)
    zoe = join("Zoe", Role.VIEWER)
    answer = zoe.get(f"/desk/issues/{sent}/report")
    page = answer.text
    assert heading(answer) == "No. 1 was accepted for five readers in five minutes"
    numbers = strip(page)
    assert numbers == {
        "in the audience": 7,
        "accepted by the relay": 5,
        "did not get it": 1,
        "in doubt": 1,
    }
    assert dict(file(zoe, f"/desk/issues/{sent}/report/summary.csv")) == {
        what: str(many) for what, many in numbers.items()
    }
    assert table(page, "missed") == [("Refused by the relay (550)", "1")]
    assert table(page, "accepted")[0] == ("06:00", "0")
    assert table(page, "accepted")[-1] == ("06:05", "5")
    assert "All were accepted by 06:05" in words(answer)
    assert table(page, "clicks") == [("The story of the port", "fewer than five")]
    assert "Machines, such as scanners of mail, followed links 12 times or more." in words(answer)
    for key in ("accepted", "missed", "clicks", "audience"):
        assert table(page, key) == file(zoe, f"/desk/issues/{sent}/report/{key}.csv"), key
    assert page.count('role="img"') == 2 * page.count("<details>")
    assert "@example.org" not in page.replace("zoe@example.org", "")
    assert zoe.get(f"/desk/issues/{sent}/report/readers.csv").status_code == 404
    # The page is kept until the tick has counted anew, and no longer.
    with database.transaction() as session:
        doubt = Delivery.state == DeliveryState.IN_DOUBT
        session.execute(update(Delivery).where(doubt).values(state=DeliveryState.ACCEPTED))
    assert heading(zoe.get(f"/desk/issues/{sent}/report")) == heading(answer)
    count_issues(database, NOW + timedelta(minutes=1))
    later = zoe.get(f"/desk/issues/{sent}/report")
    assert heading(later) == "No. 1 was accepted for six readers in seven minutes"
    assert strip(later.text)["in doubt"] == 0


def test_an_issue_s_report_counts_by_reason_what_came_back(
    sent: int, database: Database, join: Join
) -> None:
    came = [
        (0, BounceKind.PERMANENT, BounceReason.REPUTATION),
        (1, BounceKind.PERMANENT, BounceReason.REPUTATION),
        (2, BounceKind.PERMANENT, BounceReason.ADDRESS),
        # Before reasons were kept.
        (3, BounceKind.PERMANENT, None),
        # One reader's second report, and what is still on its way, count no more.
        (0, BounceKind.UNKNOWN, BounceReason.UNKNOWN),
        (4, BounceKind.UNKNOWN, BounceReason.UNKNOWN),
        (2, BounceKind.TRANSIENT, BounceReason.NETWORK),
    ]
    zoe = join("Zoe", Role.VIEWER)
    path = f"/desk/issues/{sent}/report"
    assert table(zoe.get(path).text, "reasons") == []
    with database.transaction() as session:
        readers = session.scalars(select(Delivery.subscriber_id).order_by(Delivery.subscriber_id))
        ids = readers.all()
        for place, kind, reason in came:
            session.add(
                Bounce(issue_id=sent, subscriber_id=ids[place], kind=kind, reason=reason, at=NOW)
            )
    count_issues(database, NOW + timedelta(minutes=1))
    answer = zoe.get(path)
    told = dict(table(answer.text, "reasons"))
    assert told == {
        "Your domain or relay was refused, or a rule of theirs": "2",
        "Not said, or not understood": "2",
        "There is no such address": "1",
    }
    assert told == dict(file(zoe, f"{path}/reasons.csv"))
    assert "Why 5 messages came back, most often: " in words(answer)


def test_a_newsletter_s_report_adds_up_and_a_form_s_name_is_no_formula(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    def day(days: int, what: Counted, readers: int, detail: str = "") -> DayCount:
        at = date(2026, 11, 14) - timedelta(days)
        return DayCount(
            newsletter_id=newsletter.id, day=at, what=what, detail=detail, readers=readers
        )

    evil = '=HYPERLINK("https://evil.example")'
    with database.transaction() as session:
        session.add_all(
            [
                day(400, Counted.STARTED, 1200),
                day(390, Counted.ENDED, 100, "left"),
                day(60, Counted.ASKED, 30, "footer"),
                day(60, Counted.ASKED, 10, evil),
                day(60, Counted.CONFIRMED, 30, "footer"),
                day(60, Counted.STARTED, 30),
                day(20, Counted.ENDED, 9, "left"),
                day(20, Counted.ENDED, 2, "bounced"),
                day(0, Counted.STARTED, 5),
            ]
        )
        for reason, readers in ((LeavingReason.TOO_OFTEN, 4), (LeavingReason.NO_TIME, 1)):
            month = date(2026, 10, 1)
            told = {"newsletter_id": newsletter.id, "month": month, "readers": readers}
            session.add(Farewell(reason=reason, **told))
    imara = join("Imara", Role.EDITOR)
    assert imara.get("/desk/reports").location.endswith("/desk/reports/editors-digest")
    answer = imara.get("/desk/reports/editors-digest")
    page, said = answer.text, words(answer)
    assert heading(answer) == "The Editor’s Digest has 1,124 readers"
    before, came, left, now = strip(page).values()
    assert (before, came, left, now) == (1100, 35, 11, 1124)
    assert before + came - left == now
    line = table(page, "audience")
    assert line[0] == ("1 June 2026", "1,100")
    assert line[-1] == ("15 November 2026", "1,124")
    assert "Readers grew by 24 since June" in said
    # The one week that stands out, in words on the line and for those who do not see it.
    assert "30 more in one week, before 21 September 2026." in page
    assert page.count(">30 more in one week</text>") == 2
    assert "Eight in ten of those who asked confirmed" in said
    assert "“It comes too often” is the reason given most often" in said
    leavers = dict(table(page, "leavers"))
    assert leavers["No reason given"] == "4"
    assert sum(map(int, leavers.values())) == left
    assert dict(table(page, "sign-ups")) == {"footer": "30", evil: "10"}
    rows = file(imara, "/desk/reports/editors-digest/sign-ups.csv")
    assert rows == [("footer", "30"), (f"'{evil}", "10")]


def test_reports_of_nothing_of_one_reader_and_of_somebody_else_s(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    with database.transaction() as session:
        other = make_newsletter(session, "climate", name="Climate Letter")
        draft = make_issue(session, session.get_one(Newsletter, newsletter.id), [])
        theirs = make_issue(session, other, []).id
    zoe = join("Zoe", Granted(Role.VIEWER, newsletter))
    answer = zoe.get("/desk/reports/editors-digest")
    assert heading(answer) == "The Editor’s Digest has no readers"
    assert "There are no readers yet" in words(answer)
    assert "<svg" not in answer.text
    assert "Climate Letter" not in answer.text
    assert "It has not gone out." in words(zoe.get(f"/desk/issues/{draft.id}/report"))
    for path in ("reports/climate", "reports/nothing", f"issues/{theirs}/report"):
        assert zoe.get(f"/desk/{path}").status_code == 404
    with database.transaction() as session:
        make_reader(session, session.get_one(Newsletter, newsletter.id), "robin@example.org")
    count_days(database, NOW)
    answer = zoe.get("/desk/reports/editors-digest")
    assert heading(answer) == "The Editor’s Digest has one reader"
    assert "One reader since November" in words(answer)
    assert "Nobody has left since November" in words(answer)
