"""Stencils are kept by what they say, in bounds; what changes is told at once."""

from digest.delivery.notices.stencils import KeptStencils
from digest.delivery.rendering.notice import ACTION_URL, Notepaper
from digest.models import Newsletter
from digest.newsroom.palette import palette
from tests.delivery.conftest import Press
from tests.delivery.notices.test_sending import content_of, queue_many, send
from tests.emails.samples import masthead
from tests.scripted_smtp import ScriptedRelay


def paper(name: str) -> Notepaper:
    return Notepaper.of(masthead(newsletter=name), "Imara", "digest@halyard.example")


def test_the_same_words_are_the_same_stencil_and_others_another() -> None:
    kept = KeptStencils()
    first = kept.get("fresh_link", paper("The Brief"), ACTION_URL)
    assert kept.get("fresh_link", paper("The Brief"), ACTION_URL) is first
    renamed = kept.get("fresh_link", paper("The Long"), ACTION_URL)
    other_kind = kept.get("already_signed_up", paper("The Brief"), ACTION_URL)
    other = Notepaper.of(masthead(newsletter="The Brief"), "Joss", "digest@halyard.example")
    other_sender = kept.get("fresh_link", other, ACTION_URL)
    assert len({each.stencil.pieces for each in (first, renamed, other_kind, other_sender)}) == 4


def test_those_that_were_used_last_are_kept() -> None:
    kept = KeptStencils(most=2)
    first = kept.get("fresh_link", paper("One"), ACTION_URL)
    second = kept.get("fresh_link", paper("Two"), ACTION_URL)
    assert kept.get("fresh_link", paper("One"), ACTION_URL) is first
    kept.get("fresh_link", paper("Three"), ACTION_URL)
    assert len(kept) == 2
    assert kept.get("fresh_link", paper("One"), ACTION_URL) is first
    assert kept.get("fresh_link", paper("Two"), ACTION_URL) is not second


def test_they_are_bounded_in_size_too() -> None:
    kept = KeptStencils(most_octets=40_000)
    for number in range(9):
        kept.get("fresh_link", paper(f"No. {number}"), ACTION_URL)
    assert 1 <= len(kept) < 9
    assert 0 < kept.octets <= 40_000


def test_a_newsletter_that_was_renamed_is_called_so_in_the_next_notice(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        queue_many(press, 1)
        send(press)
        with press.database.transaction() as session:
            newsletter = session.get_one(Newsletter, 1)
            newsletter.name, newsletter.palette = "The Long Read", palette("#A01040")
        queue_many(press, 1, first=1)
        send(press)
        first, second = relay.messages
    assert first.message["Subject"] == "You already get the Editor’s Digest"
    assert second.message["Subject"] == "You already get The Long Read"
    fills = [content_of(each, "html").count("#A01040") for each in (first, second)]
    assert fills[0] == 0 < fills[1]
