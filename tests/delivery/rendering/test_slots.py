"""What may stand in a slot, and where a slot may stand."""

import email
import textwrap
from collections.abc import Mapping
from email import policy
from typing import Any

import css_inline
import jinja2
import pytest
from hypothesis import given

from digest.delivery.rendering.slots import (
    MAX_TEXT,
    MAX_URL,
    Kind,
    MisplacedSlotError,
    MissingValueError,
    Slot,
    SlotValueError,
    StencilError,
    clean_text,
)
from digest.delivery.rendering.stencil import Stencil
from tests.delivery.rendering.stencil_cases import (
    ADDRESS,
    LEAVE,
    NAME,
    STENCIL,
    VALUES,
    assert_lawful,
    bodies,
    marked,
    parsed,
    weird_text,
)


class TestSlots:
    def test_markers_survive_jinja_css_inlining_and_wrapping(self) -> None:
        environment = jinja2.Environment(autoescape=True)
        source = (
            "<html><head><style>p{color:red} @media print{a{color:blue}}</style></head><body>"
            '<p title="{{ name }}">{{ name }}s &amp; {{ name|e }}</p>'
            '<a href="{{ url }}#leave">x</a></body></html>'
        )
        page = environment.from_string(source).render(name=NAME, url=LEAVE)
        inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
        text = textwrap.fill(f"{'word ' * 30} {NAME} {LEAVE}, {'word ' * 30}", 60)
        stencil = Stencil.build(headers=[], text=text, html=inliner.inline(page))
        plain, rich = bodies(parsed(stencil.fill(VALUES | {"name": '"<Jo>&'})))
        assert f'"<Jo>& {VALUES["unsubscribe_url"]},' in " ".join(plain[1].split())
        safe = "&quot;&lt;Jo&gt;&amp;"
        assert f'title="{safe}" style="color: red;">{safe}s &amp; {safe}</p>' in rich[1]
        assert f'<a href="{VALUES["unsubscribe_url"]}#leave">' in rich[1]

    def test_a_value_that_spells_out_a_marker_stays_as_it_is(self) -> None:
        raw = STENCIL.fill(VALUES | {"name": str(LEAVE)})
        assert str(LEAVE) in str(parsed(raw)["Subject"])

    @pytest.mark.parametrize(
        "damage", [str.upper, str.title, str.capitalize, lambda s: s[:-1], lambda s: s[:12]]
    )
    def test_a_damaged_marker_is_reported(self, damage: object) -> None:
        assert callable(damage)
        marker = damage(str(NAME))
        for body in ({"text": marker, "html": "x"}, {"text": "x", "html": marker}):
            with pytest.raises(MisplacedSlotError, match="marker"):
                Stencil.build(headers=[], **body)
        with pytest.raises(MisplacedSlotError, match="Subject"):
            Stencil.build(headers=[("Subject", marker)], text="x", html="x")

    @pytest.mark.parametrize("name", ["", "Name", "a b", "a__b", "_a", "a1", "a\n", "a" * 33, "ä"])
    def test_a_name_that_a_marker_cannot_carry_is_refused(self, name: str) -> None:
        with pytest.raises(StencilError, match="no name"):
            Slot(name)

    def test_one_name_has_one_kind(self) -> None:
        with pytest.raises(StencilError, match="two different kinds"):
            Stencil.build(headers=[], text=f"{NAME}", html=f"{Slot('name', Kind.URL)}")

    def test_a_required_slot_has_to_stand_in_both_bodies(self) -> None:
        Stencil.build(headers=[], text=f"{LEAVE}", html=f"{LEAVE}", required=[LEAVE])
        with pytest.raises(MisplacedSlotError, match="text body lacks unsubscribe_url"):
            Stencil.build(headers=[], text="x", html=f"{LEAVE}", required=[LEAVE])
        with pytest.raises(MisplacedSlotError, match="HTML body lacks unsubscribe_url"):
            Stencil.build(headers=[], text=f"{LEAVE}", html="x", required=[LEAVE])

    def test_the_stencil_tells_which_values_it_needs(self) -> None:
        stencil = Stencil.build(headers=[], text=f"{NAME}", html=f"{LEAVE}")
        assert stencil.slots == {"name": Kind.TEXT, "unsubscribe_url": Kind.URL}

    @pytest.mark.parametrize("missing", sorted(VALUES))
    def test_a_forgotten_value_is_an_error(self, missing: str) -> None:
        values = {name: value for name, value in VALUES.items() if name != missing}
        with pytest.raises(MissingValueError, match=missing):
            STENCIL.fill(values)

    @pytest.mark.parametrize("value", [None, 41, b"Robin"])
    def test_a_value_that_is_no_string_is_an_error(self, value: object) -> None:
        values: Mapping[str, Any] = VALUES | {"name": value}
        with pytest.raises(MissingValueError, match="name"):
            STENCIL.fill(values)

    def test_values_for_other_slots_are_ignored(self) -> None:
        assert STENCIL.fill(VALUES | {"other": "x"}) == STENCIL.fill(VALUES)


class TestPlacesInHtml:
    @pytest.mark.parametrize(
        "page",
        [
            "<script>var a = '[name]'</script>",
            "<style>[name]</style>",
            "<p>x</p><!-- [name] -->",
            "<!--[if mso]><p>[name]</p><![endif]-->",
            "<!DOCTYPE [name]>",
            "<![CDATA[[name]]]>",
            "<?x [name]?>",
            "<[name]>",
            "</[name]>",
            "<p [name]>",
            "<p [name]='x'>",
            "<p title=[name]>",
            "<p title=x[name]>",
            "<a title=x href='https://a.example/'[name]>",
            '<p style="[name]">',
            '<p onclick="[name]">',
            '<p class="[name]">',
            '<img srcset="https://a.example/[name]">',
            '<iframe srcdoc="[name]">',
            '<meta http-equiv="refresh" content="[name]">',
            "<svg><text>[name]</text></svg>",
            "<svg><a href='[unsubscribe_url]'></a></svg>",
            "<textarea><b>[name]</b></textarea>",
        ],
    )
    def test_a_slot_in_a_forbidden_place_is_an_error(self, page: str) -> None:
        with pytest.raises(MisplacedSlotError, match=r"'(name|unsubscribe_url)' cannot stand in"):
            Stencil.build(headers=[], text="x", html=marked(f"<p>[unsubscribe_url]</p>{page}"))

    @pytest.mark.parametrize(
        "href",
        [
            "[name]",
            " [name]",
            "[name]://x",
            "java[name]",
            "javascript:[name]",
            "//[name]",
            "https:[name]",
            "https://[name]/",
            "https://a.[name]",
            "[unsubscribe_url][name]",
            "/[name]",
        ],
    )
    def test_a_name_can_never_choose_where_a_link_goes(self, href: str) -> None:
        with pytest.raises(MisplacedSlotError, match="'name' cannot stand in 'href'"):
            Stencil.build(headers=[], text="x", html=marked(f'<a href="{href}">x</a>'))

    @pytest.mark.parametrize("end", ["<p title='x", "<!-- x", "<a", "<script>x", "<style> a < b"])
    def test_a_page_that_ends_in_the_middle_is_an_error(self, end: str) -> None:
        with pytest.raises(MisplacedSlotError, match="ends inside"):
            Stencil.build(headers=[], text="x", html=f"<p>{NAME}</p>{end}")

    def test_a_page_may_end_in_an_angle_or_an_ampersand(self) -> None:
        for end in ("a <", "a &", "a & b", "a < b", "&am"):
            stencil = Stencil.build(headers=[], text="x", html=f"<p>{NAME}</p>{end}")
            assert end in bodies(parsed(stencil.fill(VALUES)))[1][1]

    def test_inside_a_url_a_value_is_percent_encoded(self) -> None:
        page = f'<a href="{LEAVE}?a={NAME}&amp;b={LEAVE}">x</a><a href="mailto:{ADDRESS}">y</a>'
        stencil = Stencil.build(headers=[], text="x", html=page)
        values = VALUES | {"name": "é&b=/?#", "unsubscribe_url": "https://a.example/x?y=1&z='2'"}
        assert bodies(parsed(stencil.fill(values)))[1][1] == (
            '<a href="https://a.example/x?y=1&amp;z=&#x27;2&#x27;'
            "?a=%C3%A9%26b%3D%2F%3F%23&amp;b=https%3A%2F%2Fa.example%2Fx%3Fy%3D1%26z%3D%272%27"
            '">x</a><a href="mailto:robin@example.org">y</a>\n'
        )

    def test_a_url_slot_may_begin_a_link_after_spaces(self) -> None:
        stencil = Stencil.build(headers=[], text="x", html=f'<a href="\n {LEAVE}">x</a>')
        assert VALUES["unsubscribe_url"] in bodies(parsed(stencil.fill(VALUES)))[1][1]

    def test_text_after_a_closed_script_or_between_revealing_comments_is_text(self) -> None:
        page = f"<style>a{{}}</style><svg/><!--[if !mso]><!--><p>{NAME}</p><!--<![endif]--> a < b"
        stencil = Stencil.build(headers=[], text="x", html=page)
        assert "<p>Robin</p>" in bodies(parsed(stencil.fill(VALUES)))[1][1]


class TestValues:
    @pytest.mark.parametrize(
        ("value", "cleaned"),
        [
            ("Robin", "Robin"),
            ("  a \t\r\n b\0\x0b\x85c\u2028d\x7f ", "a b c d"),
            ("a\u202eb\u2066c\u2069\u200f", "abc\u200f"),
            ("a\ud800b", "a\ufffdb"),
            ("山田\u3000太郎\u00a0", "山田\u3000太郎\u00a0"),
            ("👩‍🚀 e\u0301", "👩‍🚀 e\u0301"),
            (" \r\n", ""),
            ("x" * MAX_TEXT, "x" * MAX_TEXT),
            ("x" * (MAX_TEXT + 1), "x" * (MAX_TEXT - 1) + "…"),
            ("x" * (MAX_TEXT - 2) + "  y z", "x" * (MAX_TEXT - 2) + "…"),
            ("\0" * 1_000_000 + "x", ""),
        ],
    )
    def test_words_are_cleaned(self, value: str, cleaned: str) -> None:
        assert clean_text(value) == cleaned

    @given(weird_text)
    def test_cleaning_twice_changes_nothing(self, value: str) -> None:
        assert clean_text(clean_text(value)) == clean_text(value)

    @pytest.mark.parametrize(
        ("slot", "value"),
        [
            ("address", ""),
            ("address", "robin"),
            ("address", "@example.org"),
            ("address", "robin@"),
            ("address", "a b@example.org"),
            ("address", '"a b"@example.org'),
            ("address", "a..b@example.org"),
            ("address", "a@b@example.org"),
            ("address", "robin@example.org\n"),
            ("address", "robin@example.org\r\nBcc: x@y.example"),
            ("address", "robin@[127.0.0.1]"),
            ("address", "robin@-a.example"),
            ("address", "robin@bücher.example"),
            ("address", "=?utf-8?q?a?=@example.org"),
            ("address", f"{'a' * 65}@example.org"),
            ("address", f"a@{'b' * 60}.{'b' * 60}.{'b' * 60}.{'b' * 60}.{'b' * 60}"),
            ("unsubscribe_url", ""),
            ("unsubscribe_url", "javascript:alert(1)"),
            ("unsubscribe_url", " https://a.example/"),
            ("unsubscribe_url", "https:///x"),
            ("unsubscribe_url", "https://a.example/>, <https://b.example/"),
            ("unsubscribe_url", "https://a.example/ b"),
            ("unsubscribe_url", "https://a.example/\n"),
            ("unsubscribe_url", 'https://a.example/"'),
            ("unsubscribe_url", "https://a.example/é"),
            ("unsubscribe_url", "https://a.example/=?utf-8?q?a?="),
            ("unsubscribe_url", "https://a.example/" + "x" * MAX_URL),
            ("message_id", "<41@halyard.example>"),
            ("message_id", "41"),
            ("message_id", "4 1@halyard.example"),
            ("message_id", "41@halyard.example\r\nBcc: x@y.example"),
            ("date", "2026-11-24"),
            ("date", "Tue, 24 Nov 2026 07:00:00 +0000\r\nBcc: x@y.example"),
            ("date", "Tue, ٢٤ Nov 2026 07:00:00 +0000"),
        ],
    )
    def test_a_value_that_does_not_suit_its_slot_is_refused(self, slot: str, value: str) -> None:
        with pytest.raises(SlotValueError, match=f"'{slot}'") as refused:
            STENCIL.fill(VALUES | {slot: value})
        assert refused.value.slot == slot
        assert not value or value not in str(refused.value)

    def test_an_address_beyond_ascii_stands_as_it_is_in_the_header_alone(self) -> None:
        plain = STENCIL.fill(VALUES | {"address": "zoe@example.org"})
        raw = STENCIL.fill(VALUES | {"address": "zoë@example.org"})
        lines = raw.split(b"\r\n")
        [(place, line)] = [(n, each) for n, each in enumerate(lines) if not each.isascii()]
        assert line == "To: Robin <zoë@example.org>".encode()
        # All other fields are what an ASCII reader gets, and the bodies say the same.
        others = plain.partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert [each for n, each in enumerate(others) if n != place] == [
            each for n, each in enumerate(lines[: len(others)]) if n != place
        ]
        for kind in ("plain", "html"):
            said, expected = (
                email.message_from_bytes(each, policy=policy.SMTP).get_body((kind,))
                for each in (raw, plain)
            )
            assert said is not None
            assert expected is not None
            assert said.get_content() == expected.get_content().replace("zoe@", "zoë@")
        read = email.message_from_string(raw.decode(), policy=policy.SMTPUTF8)
        assert read["To"].addresses[0].addr_spec == "zoë@example.org"

    @pytest.mark.parametrize(
        "address",
        [
            "zoe@exämple.org",
            "zo\u00a0ë@example.org",
            "zo\u200bë@example.org",
            "zo\u202eë@example.org",
            "zo\x85ë@example.org",
            "zo\u2028ë@example.org",
            "zo\ud800@example.org",
            "zoë\r\n.@example.org",
            "zoë>@example.org",
            "zoë.@example.org",
            "=?ë?=@example.org",
            "ë" * 33 + "@example.org",
            "ë@" + ".".join(["b" * 60] * 4) + ".examples",
        ],
    )
    def test_beyond_ascii_not_everything_goes(self, address: str) -> None:
        with pytest.raises(SlotValueError):
            STENCIL.fill(VALUES | {"address": address})

    def test_the_longest_values_fit_a_line(self) -> None:
        url = "https://a.example/".ljust(MAX_URL, "x")
        address = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.exampl"
        raw = STENCIL.fill(VALUES | {"unsubscribe_url": url, "address": address})
        assert_lawful(raw)
        assert str(parsed(raw)["To"]) == f"Robin <{address}>"
