"""WordPress's posts that ask for a password are none."""

import pytest

from digest.newsroom.intake.feeds import read_feed
from digest.newsroom.intake.reading.protected_posts import is_protected
from tests.factories import NOW

FORM = (
    '<form action="https://halyard.example/wp-login.php?action=postpass" '
    'class="post-password-form" method="post"><p>Dieser Inhalt ist geschützt.</p></form>'
)


@pytest.mark.parametrize(
    ("title", "summary", "content"),
    [
        ("Protected: Plans", "There is no excerpt because this is a protected post.", ""),
        ("Plans", "<p>There is no excerpt because this is a protected post.</p>", ""),
        ("Geschützt: Pläne", "", FORM),
        ("Plans", FORM, ""),
        ("Geschützt: Pläne", "Es gibt keinen Textauszug, da dies ein geschützter Beitrag ist.", ""),
        ("Protégé : Plans", "Il n’y a pas d’extrait, car cette publication est protégée.", ""),
        ("Protegido: Planes", "No hay extracto porque es una entrada protegida.", ""),
        ("保護中: 計画", "この投稿はパスワードで保護されているため抜粋文はありません。", ""),
        ("Beveiligd: Plannen", "", ""),
    ],
)
def test_a_post_that_asks_for_a_password_is_none(title: str, summary: str, content: str) -> None:
    assert is_protected(title, summary, content)


@pytest.mark.parametrize(
    ("title", "summary", "content"),
    [
        ("Protected: how whales came back", "A law of 1986 did it.", "<p>A law of 1986.</p>"),
        ("Plans", "", ""),
        ("A protected post", "There is no excerpt here, but a wooden post under protection.", ""),
        (
            "What WordPress says",
            "“There is no excerpt because this is a protected post”, says WordPress. " * 4,
            "",
        ),
    ],
)
def test_a_piece_about_protection_is_a_piece(title: str, summary: str, content: str) -> None:
    assert not is_protected(title, summary, content)


def test_the_editor_is_told() -> None:
    content = (
        "<rss><channel><item><title>Protected: x</title><link>/x</link><description>There is no "
        "excerpt because this is a protected post.</description></item></channel></rss>"
    )
    feed = read_feed(content.encode(), "https://halyard.example/", NOW)

    assert feed.articles == ()
    assert feed.oddities == ("One post asks for a password, and is left out.",)
