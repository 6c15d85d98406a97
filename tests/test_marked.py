"""An editor's marks, and that nothing else of what she types becomes markup."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from digest.marked import marked, marked_links, marked_words
from digest.prose import curly

CLASS = "link accent"


class Tags(HTMLParser):
    """What is in some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


def test_emphasis_strong_and_links() -> None:
    text = 'She said "*no*", and **meant** it: [the *whole* story](https://h.example/a?b=1&c="x").'
    assert marked(text, CLASS) == (
        "She said “<em>no</em>”, and <strong>meant</strong> it: "
        '<a href="https://h.example/a?b=1&amp;c=%22x%22" class="link accent">'
        "the <em>whole</em> story</a>."
    )
    assert marked_words(text) == "She said “no”, and meant it: the whole story."
    assert marked_links(text) == ["https://h.example/a?b=1&c=%22x%22"]
    write = (
        "[Write](mailto:desk@halyard.example?subject=Hi) or [write](MAILTO:desk@halyard.example)"
    )
    assert marked_links(write) == [
        "desk@halyard.example?subject=Hi", "desk@halyard.example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<b>no</b> &amp; <script>alert(1)</script>",
        "[x](javascript:alert(1)) [x](/here) [x](data:text/html,x) [x](//h.example) [x](https://)",
        "[x](https://a@h.example) [x](https://h.example:80@x) [x][1] [x]",
        "[x]() [x]( ) [](https://h.example) [ \n](https://h.example/) []()",
        "_x_ __x__ `x` ~~x~~ <https://h.example> https://h.example # x",
        "a * b, 2 * 3 * 4, **, ***, ****",
        "- one\n- two\n> three\n    four",
        r"\*x\ ",
    ],
)
def test_whatever_else_is_typed_stays_as_it_is(text: str) -> None:
    assert marked(text) == escape(curly(text))
    assert marked_words(text) == curly(text)
    assert marked_links(text) == []


PIECES = st.sampled_from(
    [
        *"*_[]()<>\"'&!\\`: \n",
        "**",
        "](",
        "https://h.example/",
        "javascript:",
        "mailto:a@h.example",
        "<img src=x onerror=alert(1)>",
        "&#58;",
        "[x](https://h.example/ \"t\" onclick='x')",
        "\0",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_no_text_makes_other_tags_attributes_or_places(text: str) -> None:
    found = Tags(marked(text, CLASS))
    assert not found.open, "every tag ends"
    for tag, attributes in found.tags:
        if tag == "a":
            assert attributes.keys() == {"href", "class"}
            assert attributes["class"] == CLASS
            assert re.match("https?://[^@]+|mailto:.+@", attributes["href"] or "", re.IGNORECASE)
        else:
            assert tag in {"em", "strong"}
            assert not attributes
    assert found.text == marked_words(text)
    assert len([tag for tag, _ in found.tags if tag == "a"]) >= len(marked_links(text))
