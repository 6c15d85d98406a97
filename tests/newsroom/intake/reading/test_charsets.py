"""Charsets: what a feed says, what it is, and what a reader would want it to be."""

import pytest

from digest.newsroom.intake.reading.charsets import codec_of, decoded

TITLES = "<title>Düsseldorf</title><title>Köln – Zürich</title>"


def xml(charset: str, text: str = TITLES) -> str:
    return f'<?xml version="1.0" encoding="{charset}"?>{text}'


def test_one_broken_byte_leaves_the_rest_as_it_is() -> None:
    content = xml("UTF-8", TITLES).encode() + b"<title>Caf\xe9</title>"
    read = decoded(content)

    assert "Düsseldorf" in read.text
    assert "Caf\ufffd" in read.text
    assert "One place in the feed cannot be read as UTF-8" in read.oddity


def test_a_feed_that_says_nothing_is_in_utf_8() -> None:
    read = decoded("<title>Düsseldorf</title>".encode() + b"<title>Caf\xe9, \xc9t\xe9</title>")

    assert "Düsseldorf" in read.text
    assert decoded(b"<title>Caf\xe9</title>").text == "<title>Café</title>"


def test_nearly_all_of_it_in_utf_8_is_utf_8_whatever_it_says() -> None:
    content = (xml("ISO-8859-1") + TITLES * 5).encode() + b"\xe9"

    assert "Düsseldorf" in decoded(content).text


def test_a_character_cut_in_two_does_not_make_it_another_charset() -> None:
    assert decoded(xml("utf-8", "It").encode() + b"\xe2\x80 s").text.endswith("It\ufffd s")


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("gb2312", "gb18030", "朱镕基的港口"),
        ("GBK", "gb18030", "朱镕基的港口"),
        ("shift_jis", "cp932", "港の話①～"),
        ("x-sjis", "cp932", "港の話①"),
        ("euc-kr", "cp949", "뢔항구"),
        ("ks_c_5601-1987", "cp949", "항구"),
        ("windows-874", "cp874", "ท่าเรือ…"),
        ("tis-620", "cp874", "ท่าเรือ…"),
        ("iso-8859-8-i", "iso8859-8", "נמל"),
        ("iso-8859-1", "cp1252", "Café – 7 €"),
        ("iso-8859-9", "cp1254", "İstanbul’da"),
        ("big5", "big5hkscs", "港口的故事"),
        ("windows-1251", "cp1251", "Порт"),
        ("koi8-r", "koi8-r", "Порт"),
        ("x-mac-roman", "mac-roman", "Café"),
        ("iso-2022-jp", "iso2022_jp", "港の話"),
        ("euc-jp", "euc_jp", "港の話"),
    ],
)
def test_a_label_is_what_it_is_on_the_web(label: str, encoding: str, text: str) -> None:
    assert decoded(xml(label, text).encode(encoding)).text.endswith(text)
    assert decoded(text.encode(encoding), label).text == text


def test_a_broken_character_does_not_make_chinese_something_else() -> None:
    read = decoded(xml("gb2312", "朱镕基的港口" * 5).encode("gb18030") + b"\xff<b>")

    assert "朱镕基的港口" in read.text


def test_a_feed_that_says_one_and_is_another_is_told() -> None:
    assert decoded(xml("ISO-8859-1").encode()).oddity == (
        "The feed says that it is in ISO-8859-1, but is in UTF-8."
    )
    assert decoded(xml("UTF-8").encode()).oddity == ""
    assert decoded(xml("ISO-8859-1", "x").encode()).oddity == ""


@pytest.mark.parametrize(
    "label", ["idna", "punycode", "utf-7", "rot13", "hex", "zip", "", "x" * 40]
)
def test_what_is_no_charset_is_none(label: str) -> None:
    assert codec_of(label) is None


def test_a_byte_order_mark_decides() -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert decoded(xml("iso-8859-1").encode(encoding), "koi8-r").text == xml("iso-8859-1")
    assert decoded(TITLES.encode("utf-16-le")).text != ""
