import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading.standfirsts import standfirst

TITLE = "The port that stopped growing"
TEXT = "The herring are late again, and nobody in the harbour knows why."
PAGE = "https://halyard.example/port"


def link(words: str) -> str:
    return f'<a href="{PAGE}" class="more-link">{words}</a>'


@pytest.mark.parametrize(
    "tail",
    [
        f" {link('Read more')}",
        f" {link('Continue reading →')}",
        f" {link('Continue reading <span>“The port”</span>')} &rarr;",
        f" {link('Read more about the port')}",
        f"<p>{link('Weiterlesen')}</p>",
        f"<p>{link('Lire la suite')} »</p>",
        f"<p>{link('Leer más')}</p>",
        f"<p>{link('Leggi tutto')}</p>",
        f"<p>{link('Lees verder')}</p>",
        f"<p>{link('Läs mer')}</p>",
        f"<p>{link('Czytaj dalej')}</p>",
        f"<p>{link('Читать далее')}</p>",
        f"<p>{link('続きを読む')}</p>",
        f"<p>{link('(more&hellip;)')}</p>",
        f"<p>{link('→')}</p>",
        " Read more",
        " Continue reading →",
        " Weiterlesen »",
        f" Continue reading {TITLE} →",
        *(
            f"<p>{before} {link(TITLE)} {between} <a href='https://halyard.example/'>Halyard</a>{end}</p>"
            for before, between, end in (
                ("The post", "appeared first on", "."),
                ("Der Beitrag", "erschien zuerst auf", "."),
                ("L’article", "est apparu en premier sur", "."),
                ("La entrada", "se publicó primero en", "."),
                ("L'articolo", "proviene da", "."),
                ("Het bericht", "verscheen eerst op", "."),
                ("O conteúdo", "aparece primeiro em", "."),
                ("Inlägget", "dök först upp på", "."),
                ("Indlægget", "blev først udgivet på", "."),
                ("Innlegget", "dukket først opp på", "."),
                ("Artykuł", "pochodzi z serwisu", "."),
                ("Příspěvek", "pochází z", "."),
                ("Сообщение", "появились сначала на", "."),
                ("", "yazısı ilk önce", " üzerinde ortaya çıktı."),
                ("Færslan", "birtist fyrst á", "."),
            )
        ),
        f" The post {TITLE} appeared first on Halyard.",
        f" Der Beitrag {TITLE} erschien zuerst auf Halyard.",
        f" L’article {TITLE} est apparu en premier sur Halyard.",
        f" {TITLE} yazısı ilk önce Halyard üzerinde ortaya çıktı.",
        f" {link('Read more')}<p>The post {link(TITLE)} appeared first on {link('Halyard')}.</p>",
        "<script>alert(1)</script><style>p {}</style>",
        '<img src="pixel.gif" width="1">',
    ],
)
def test_what_a_program_hung_behind_a_summary_goes(tail: str) -> None:
    assert standfirst(f"<p>{TEXT}{tail}</p>", "", TITLE) == TEXT
    assert standfirst(f"<p>{TEXT}</p>{tail}", "<p>Other</p>", TITLE) == TEXT


@pytest.mark.parametrize(
    "cut",
    ["[…]", " […]", " [&hellip;]", " [...]", "…", "...", " […] Read more", f"… {link('Go on')}"],
)
def test_a_text_that_was_cut_says_so(cut: str) -> None:
    summary = f"<p>The herring are late again, and nobody{cut}</p>"

    shown = standfirst(summary, "", TITLE)

    assert shown.removesuffix(" Go on") == "The herring are late again, and nobody…"


@pytest.mark.parametrize(
    "text",
    [
        "Read more books, says the minister",
        "Read more books, says the minister. He has read two.",
        "Continue reading when the lights go out: a guide",
        "The minister said on Monday: read more",
        "Be kind. Read more books",
        "Be kind. Read more.",
        "The post office of Halyard appeared first on a map of 1801.",
        "He mended it. The post of minister appeared first on Tuesday.",
        "She said […] and left the harbour (for good)",
        "Weiterlesen bildet, sagt die Ministerin",
        "What is a port (and why)?",
        "The <dialog> element".replace("<", "&lt;"),
        "Share prices fell on Monday.",
    ],
)
def test_a_sentence_is_never_taken_away(text: str) -> None:
    shown = standfirst(f"<p>{text}</p>", "", TITLE)

    assert shown == text.replace("&lt;", "<")


def test_a_link_at_the_end_that_is_part_of_the_sentence_stays() -> None:
    summary = f"<p>Herring, says the minister, are {link('a fish of the future')}.</p>"

    assert standfirst(summary, "", TITLE).endswith("are a fish of the future.")
    assert standfirst(link("Read more books, says the minister"), "", "").startswith("Read more")


@pytest.mark.parametrize(
    "content",
    [
        f"<p>{TEXT}</p><p>Second.</p>",
        f"<p>{TEXT}<p>Second.",
        f"{TEXT}<br><br>Second.",
        f"<div><div>{TEXT}</div><div>Second.</div></div>",
        f"<style>p {{ color: red }}</style><script>var a;</script><p>{TEXT}</p>",
        f"<h1>{TITLE}</h1><p>{TEXT}</p>",
        f"<p>{TITLE}</p><p>{TEXT}</p>",
        f"<figure><img src='x.jpg'><figcaption>The quay.</figcaption></figure><p>{TEXT}</p>",
        f"<p class='wp-caption-text'>The quay at night, seen from the sea.</p><p>{TEXT}</p>",
        f"<p>Photo: Ada Lovelace / Reuters, all rights are reserved by them.</p><p>{TEXT}</p>",
        f"<p>© Ada Lovelace.</p><p>{TEXT}</p>",
        f"<p>Share this on Facebook</p><p>{TEXT}</p>",
        f"<ul class='sharedaddy'><li>Tell a friend about this.</li></ul><p>{TEXT}</p>",
        f"<p>{link('Home')} | {link('Ports')} | {link('Herring and ships')}</p><p>{TEXT}</p>",
        f"<p>By Ada Lovelace</p><p>10 November 2026</p><p>{TEXT}</p>",
        f"<p>&nbsp;</p><p><img src='x.jpg'></p><p>{TEXT}</p>",
        f"<nav><p>To the contents of this page.</p></nav><aside>Ad.</aside><p>{TEXT}</p>",
        f"<aside><aside>Ad.</aside>Ad.</aside><p>{TEXT}</p>",
        f"<table><tr><td>{TEXT}</td></tr></table>",
        f"<blockquote><p>{TEXT}</p></blockquote>",
    ],
)
def test_without_a_summary_the_first_paragraph_says_what_it_is_about(content: str) -> None:
    assert standfirst("", content, TITLE) == TEXT
    assert standfirst("<p> </p>", content, TITLE) == TEXT
    assert standfirst(TITLE, content, TITLE) == TEXT
    if "<table>" not in content:
        assert standfirst(f"{content}<p>{TEXT * 20}</p>", "", TITLE) == TEXT


def test_words_are_never_split_and_a_long_paragraph_ends_at_a_word() -> None:
    assert standfirst("", "<p>Un<b>believ</b><i>able</i>, he said.</p>") == "Unbelievable, he said."
    shown = standfirst("", f"<p>{'herring ' * 500}</p>")
    assert len(shown) <= 600
    assert shown.endswith("herring…")


def test_a_summary_of_a_picture_and_its_caption_is_the_text_beside_it() -> None:
    summary = f"<figure><img><figcaption>The quay</figcaption></figure><p>{TEXT}</p>"

    assert standfirst(summary, "", TITLE) == TEXT


def test_the_fields_that_drupal_writes_into_a_summary_are_no_text() -> None:
    summary = (
        f'<span class="field field--name-title">{TITLE}</span>'
        '<span class="field field--name-uid"><span>ada</span></span>'
        '<span class="field field--name-created"><time>Tue, 11/10/2026</time></span>'
        f'<div class="field field--name-body field__item"><p>{TEXT}</p></div>'
    )

    assert standfirst(summary, "", TITLE) == TEXT


def test_what_says_nothing_is_no_standfirst() -> None:
    assert standfirst("", "", TITLE) == ""
    assert standfirst(TITLE, "", TITLE) == ""
    assert standfirst(link("Comments"), "", TITLE) == ""
    assert (
        standfirst(f"<p>The post {link(TITLE)} appeared first on {link('H')}.</p>", "", TITLE) == ""
    )


MARKUP = st.lists(
    st.sampled_from(
        "<p> </p> <a> </a> <figure> </figure> <br> <table> . … [ ] ( Read more The post title"
        " appeared first on İ herring <aside> </aside> &hellip; <img alt=⛵> » →".split(" ")
    )
).map(" ".join)
ANY = st.text(st.characters(exclude_categories=())) | MARKUP


@given(ANY, ANY, ANY)
def test_anything_makes_one_bounded_line(summary: str, content: str, title: str) -> None:
    shown = standfirst(summary, content, title)

    assert len(shown) <= 601
    assert shown == " ".join(shown.split())
    shown.encode()


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<p>", "<a>", "<a>x</a>", "<aside>", "[…] ", "The post ", "<p>. ", ".", "<br>x"],
)
def test_hostile_markup_is_read_to_its_end(piece: str) -> None:
    hostile = piece * (190_000 // len(piece))

    assert len(standfirst(hostile, hostile, "x")) <= 601
    assert len(standfirst("", hostile, hostile)) <= 601
