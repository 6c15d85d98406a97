"""A stranger asks: what is written, what is mailed, and what stays as it was."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    Newsletter,
    Notice,
    NoticeKind,
    SignUp,
    SignUpChoice,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.newsroom.terms import publish_terms
from digest.readers.consent.recording import Personal
from digest.readers.signing_up.sign_up_form import InvalidSignUpError, _name
from tests.asked import asked
from tests.factories import NOW, SUPPRESSION_KEY, make_newsletter
from tests.readers.conftest import EVIDENCE, ReadersDesk


def mistakes(desk: ReadersDesk, email: str = "robin@example.org", **changes: object) -> dict:  # type: ignore[type-arg]
    before = desk.dump()
    with pytest.raises(InvalidSignUpError) as caught:
        desk.sign_up(email, **changes)
    assert desk.dump() == before
    return {error.field: error.sentence for error in caught.value.errors}


def test_a_new_address_gets_a_confirmation_and_nothing_starts(desk: ReadersDesk) -> None:
    asked = desk.sign_up("  Robin@Example.org ", name=" Robin Aske ", topics=("chinese-economy",))

    assert asked.email == "Robin@example.org"
    [row] = desk.rows(SignUp)
    assert (row.email, row.email_key, row.name) == (
        "Robin@example.org",
        "robin@example.org",
        "Robin Aske",
    )
    assert row.expires_at == NOW + timedelta(hours=48)
    [choice] = desk.rows(SignUpChoice)
    assert choice.topics == ["chinese-economy"]
    [notice] = desk.rows(Notice)
    assert (notice.kind, notice.to_address) == (NoticeKind.CONFIRMATION, "Robin@example.org")
    assert notice.sign_up_id == row.id
    assert desk.count(Subscriber) == desk.count(Subscription) == 0


def test_the_request_leaves_evidence_of_the_words_that_were_shown(
    desk: ReadersDesk, database: Database
) -> None:
    with database.transaction() as session:
        publish_terms(session, "Newer terms.", NOW)
    desk.sign_up(wording="1")

    [consent] = desk.rows(Consent)
    [row] = desk.rows(SignUp)
    assert consent.kind is ConsentKind.REQUESTED
    assert consent.subject == row.subject
    assert (consent.wording_id, consent.terms_id) == (row.wording_id, 1)
    [detail] = desk.rows(ConsentDetail)
    assert (detail.email, detail.ip, detail.user_agent) == (
        "robin@example.org",
        EVIDENCE.ip,
        EVIDENCE.user_agent,
    )


def test_two_strangers_have_nothing_in_common(desk: ReadersDesk) -> None:
    desk.sign_up("robin@example.org")
    desk.sign_up("mina@example.com")

    first, second = desk.rows(SignUp)
    assert first.subject != second.subject
    assert first.token_id != second.token_id
    assert {notice.to_address for notice in desk.rows(Notice)} == {
        "robin@example.org",
        "mina@example.com",
    }


def test_an_address_that_differs_in_case_only_is_the_same_person(desk: ReadersDesk) -> None:
    desk.subscribe("robin@example.org")
    desk.sign_up("ROBIN@EXAMPLE.ORG")

    assert [notice.kind for notice in desk.rows(Notice)] == [
        NoticeKind.CONFIRMATION,
        NoticeKind.ALREADY_SIGNED_UP,
    ]
    [reader] = desk.rows(Subscriber)
    assert reader.email == "robin@example.org"


def test_an_internationalised_address_is_taken(desk: ReadersDesk) -> None:
    desk.sign_up("jürgen@bücher.example")

    [row] = desk.rows(SignUp)
    assert row.email == "jürgen@bücher.example"
    assert row.email_key == "jürgen@xn--bcher-kva.example"


BAD_ADDRESSES = [
    ("", "Enter your email address"),
    ("robin.example.org", "Enter an email address with an @, like name@example.org"),
    ("r" * 388 + "@example.org", "Email addresses are at most 254 characters"),
    (
        "robin@example.org\nBcc: mina@example.com",
        "That is more than one address. Enter one",
    ),
    (
        "robin@exam\x00ple.org",
        "Did you mean robin@example.org?",
    ),
]


def test_a_bad_address_gets_a_plain_sentence(desk: ReadersDesk) -> None:
    for email, sentence in BAD_ADDRESSES:
        assert mistakes(desk, email) == {"email": sentence}


def test_every_mistake_is_told_at_once(desk: ReadersDesk) -> None:
    found = mistakes(
        desk, "", newsletters=(), consent=False, wording="", name="a\r\nBcc: b", topics=("a b",)
    )

    assert set(found) == {"newsletter", "topic", "email", "name", "consent", "wording"}
    assert found["consent"] == "Tick the box to agree to the terms"


def test_words_that_we_never_showed_are_refused(desk: ReadersDesk) -> None:
    for number in ("2", "0", "", "x", "-1", "9" * 40, "1\x00", "١"):
        assert mistakes(desk, wording=number) == {
            "wording": "This page was open for a long time. Press the button once more"
        }


def test_an_unknown_newsletter_is_refused(desk: ReadersDesk) -> None:
    for slug in ("no-such", "", "a\x00b", "x" * 5000, "' OR 1=1 --"):
        found = mistakes(desk, newsletters=("editors-digest", slug))
        assert found == {"newsletter": "We do not have that newsletter. Choose one from this page"}


HOSTILE_NAMES = [
    "Robin\r\nBcc: mina@example.com",
    "Robin\nAske",
    "Robin\x00",
    "Robin\u2028Aske",
    "Robin\u202eeksA",
    "Win at https://evil.example",
    "see www.evil",
    "evil.example",
    "EVIL.EXAMPLE wins",
    "mina@example.com",
]


def test_a_name_with_a_line_break_or_a_link_is_refused(desk: ReadersDesk) -> None:
    for name in HOSTILE_NAMES:
        assert mistakes(desk, name=name) == {"name": "Enter a name without links or line breaks"}


def test_people_s_names_are_taken(desk: ReadersDesk) -> None:
    names = ["J. R. Aske", "Dr.Mina Coulthard-Rao", "Ó Súilleabháin", "李明"]
    for number, name in enumerate(names):
        desk.sign_up(f"reader{number}@example.org", name=name)

    assert [row.name for row in desk.rows(SignUp)] == names


@given(st.text())
def test_a_name_that_is_taken_is_one_line_without_controls(text: str) -> None:
    errors: list[FieldError] = []
    name = _name(text, errors)
    if name is not None:
        assert name.splitlines() == [name]
        assert all(ord(letter) >= 32 and not 0x7F <= ord(letter) < 0xA0 for letter in name)
        assert "://" not in name


def test_an_active_reader_is_told_so_once_a_day_and_nothing_else_changes(
    desk: ReadersDesk,
) -> None:
    desk.subscribe(name="Robin")
    reader, consents = desk.rows(Subscriber), desk.count(Consent)
    for _ in range(3):
        desk.sign_up(name="Somebody Rude")
    desk.clock.advance(timedelta(hours=25))
    desk.sign_up()

    kinds = [notice.kind for notice in desk.rows(Notice)]
    assert kinds == [NoticeKind.CONFIRMATION] + 2 * [NoticeKind.ALREADY_SIGNED_UP]
    assert desk.count(SignUp) == 1
    assert desk.count(Consent) == consents
    assert [each.name for each in desk.rows(Subscriber)] == [each.name for each in reader]


def test_a_reader_who_asks_for_one_more_confirms_that_one_only(
    desk: ReadersDesk, database: Database
) -> None:
    desk.subscribe()
    with database.transaction() as session:
        climate = make_newsletter(session, "climate", name="Climate")
    desk.sign_up(newsletters=("editors-digest", "climate"))

    request = desk.rows(SignUp)[-1]
    assert [choice.newsletter_id for choice in desk.rows(SignUpChoice)][-1:] == [climate.id]
    assert request.subject == desk.rows(Subscriber)[0].subject
    assert desk.count(Subscription) == 1
    desk.confirm(request.token_id)
    assert desk.count(Subscription) == 2
    assert desk.count(Subscriber) == 1


def test_an_address_gets_two_confirmations_in_a_day_at_most(desk: ReadersDesk) -> None:
    for _ in range(4):
        desk.sign_up()
    assert desk.count(Notice) == desk.count(SignUp) == desk.count(Consent) == 2

    desk.clock.advance(timedelta(hours=18))
    desk.sign_up()
    assert desk.count(Notice) == 2, "the day is 24 hours, not the date"
    desk.clock.advance(timedelta(hours=7))
    desk.sign_up()
    assert desk.count(Notice) == 3


def test_sign_ups_of_one_address_share_their_reference(desk: ReadersDesk) -> None:
    desk.sign_up()
    desk.sign_up("ROBIN@example.org")

    assert len({row.subject for row in desk.rows(SignUp)}) == 1


@pytest.mark.parametrize("reason", ["complained", "bounced", "manual"])
def test_a_suppressed_address_gets_the_same_answer_and_no_mail(
    desk: ReadersDesk, database: Database, reason: str
) -> None:
    with database.transaction() as session:
        session.add(
            Suppression(
                mac=SUPPRESSION_KEY.mac("robin@example.org"),
                reason=SuppressionReason(reason),
                created_at=NOW,
            )
        )
    before = desk.dump()

    suppressed = desk.sign_up("robin@example.org")
    assert desk.dump() == before
    assert suppressed.email == "robin@example.org"
    assert [newsletter.slug for newsletter in suppressed.newsletters] == ["editors-digest"]


def test_an_erased_reader_may_ask_again(desk: ReadersDesk, database: Database) -> None:
    with database.transaction() as session:
        session.add(
            Suppression(
                mac=SUPPRESSION_KEY.mac("robin@example.org"),
                reason=SuppressionReason.ERASED,
                created_at=NOW,
            )
        )
    desk.subscribe("robin@example.org")

    assert desk.count(Subscription) == 1


def test_a_filled_honeypot_writes_nothing_and_says_nothing(desk: ReadersDesk) -> None:
    before = desk.dump()
    asked = desk.sign_up(website="https://spam.example")

    assert asked.email == "robin@example.org"
    assert desk.dump() == before


def test_a_retired_newsletter_cannot_be_asked_for(
    desk: ReadersDesk, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        session.merge(newsletter).retired_at = NOW

    assert set(mistakes(desk)) == {"newsletter"}


def test_an_address_gets_two_confirmations_at_most_from_requests_at_the_same_moment(
    desk: ReadersDesk,
) -> None:
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        desk.sign_up()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= desk.count(Notice) <= 2
    assert desk.count(SignUp) == desk.count(Consent) == desk.count(ConsentDetail)
    assert desk.count(SignUp) == desk.count(Notice)


def test_the_same_statements_run_for_whoever_the_address_belongs_to(
    desk: ReadersDesk, database: Database
) -> None:
    """How long the answer takes must not tell what the page does not."""
    desk.subscribe("robin@example.org")
    with database.transaction() as session:
        mac = SUPPRESSION_KEY.mac("mina@example.org")
        session.add(Suppression(mac=mac, reason=SuppressionReason.COMPLAINED, created_at=NOW))

    def statements(email: str, **changes: str) -> list[str]:
        with asked(database) as seen:
            desk.sign_up(email, **changes)
        return [each.replace("ROLLBACK TO SAVEPOINT", "RELEASE SAVEPOINT") for each in seen]

    statements("tina@example.org")
    stranger = statements("nina@example.org")
    assert any("SAVEPOINT" in each for each in stranger)
    assert statements("mina@example.org") == stranger, "suppressed"
    assert statements("zina@example.org", website="x") == stranger, "a robot"
    reader = statements("robin@example.org")
    common = [each for each in stranger if "COMMIT" not in each]
    assert reader[: len(common)] == common
    more = [each for each in reader if not each.startswith("Parse")]
    assert len(more) - len(stranger) <= 3
    assert statements("robin@example.org") == stranger, "told already, today"
    statements("nina@example.org")
    assert statements("nina@example.org") == stranger, "had its two mails"


def test_a_sign_up_costs_few_statements(desk: ReadersDesk, database: Database) -> None:
    """Each costs a web process more than it costs the database: see the benchmark of sign-ups."""
    desk.sign_up("tina@example.org")
    with asked(database) as seen:
        desk.sign_up()

    if database.is_sqlite:
        # SQLAlchemy does not tell of COMMIT.
        assert len(seen) == 1 + 1 + 1 + 5 + 1, "BEGIN, look up, SAVEPOINT, write, RELEASE"
        return
    begin, look_up, savepoint, write, end = seen
    assert (begin, savepoint) == ("BEGIN", "SAVEPOINT tried")
    assert end == "RELEASE SAVEPOINT tried; COMMIT"
    assert look_up.startswith("Bind")
    assert write.startswith("Bind"), "both are prepared: PostgreSQL parses them no more"


def test_taking_a_sign_up_back_leaves_no_trace_in_how_the_next_one_is_taken(
    desk: ReadersDesk, database: Database
) -> None:
    """Or whoever comes next, and measures, could tell that the address before was known."""
    desk.subscribe("robin@example.org")
    for name in ("tina", "mina"):
        desk.sign_up(f"{name}@example.org")
    with asked(database) as after_a_stranger:
        desk.sign_up("nina@example.org")
    for _ in range(2):
        desk.sign_up("robin@example.org")
    with asked(database) as after_a_reader:
        desk.sign_up("zina@example.org")

    assert after_a_reader == after_a_stranger


def test_each_of_many_newsletters_has_its_choice_and_its_evidence(
    desk: ReadersDesk, database: Database
) -> None:
    with database.transaction() as session:
        slugs = [f"letter-{number}" for number in range(19)]
        letters = [make_newsletter(session, slug) for slug in slugs]
        ids = [letter.id for letter in letters]
    desk.sign_up("mina@example.org")
    desk.sign_up(newsletters=(*slugs, "editors-digest"), topics=("climate",))
    desk.sign_up(newsletters=(*slugs[:3], slugs[0]))

    first, many, again = desk.rows(SignUp)
    assert first.subject != many.subject == again.subject
    consents = {each.id: each for each in desk.rows(Consent)}
    details = {each.consent_id: each for each in desk.rows(ConsentDetail)}
    assert consents.keys() == details.keys()
    assert len(consents) == 1 + 20 + 3
    for row, expected in ((many, {*ids, 1}), (again, set(ids[:3]))):
        choices = [each for each in desk.rows(SignUpChoice) if each.sign_up_id == row.id]
        assert {each.newsletter_id for each in choices} == expected
    mine = [each for each in consents.values() if each.subject == many.subject]
    assert sorted(each.newsletter_id or 0 for each in mine) == sorted([*ids, 1, *ids[:3]])
    assert len({details[each.id].salt for each in mine}) == len(mine)
    for each in mine:
        detail = details[each.id]
        personal = Personal(
            detail.email, detail.name, detail.ip, detail.user_agent, detail.page_url, detail.form
        )
        assert each.mac == personal.mac(detail.salt)
    assert [each.newsletter_id for each in desk.rows(Notice)] == [1, ids[0], ids[0]]
    assert all(each.next_attempt_at and each.attempts == 0 for each in desk.rows(Notice))
