"""A notice that is filled in is the notice that would have been rendered for that one person."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.delivery.rendering.issue import About, Confirmation, Start, render_notice
from digest.delivery.rendering.notice import ACTION_URL, Notepaper, build_notice
from digest.delivery.rendering.slots import StencilError, clean_text
from digest.delivery.rendering.stencil import Stencil
from tests.delivery.rendering.stencil_cases import assert_lawful, bodies, parsed
from tests.emails.samples import HELD, TO_EDITOR, masthead

FROM = "digest@halyard.example"
WITH_LINK = ("already_signed_up", "fresh_link", "new_address", "user_link")
VALUES = {
    "address": "robin@example.org",
    "action_url": "https://halyard.example/c/1ck1.AAECAwQF-_",
    "date": "Sat, 14 Nov 2026 06:00:00 +0000",
    "message_id": "notice.000102@halyard.example",
}

words = st.text(st.sampled_from("aB é—山😀'\"<>&=._,?@()%-"), min_size=1, max_size=60).map(
    lambda text: " ".join(text.split()) or "x"
)
starts = st.builds(
    Start, words, st.just("Saturday at seven"), st.lists(words, max_size=12).map(tuple)
)
confirmations = st.builds(
    Confirmation, st.just(ACTION_URL), st.lists(starts, min_size=1, max_size=5).map(tuple)
)
# Apostrophes are not among them: rendered anew, they came out as quotation marks.
locals_ = st.from_regex(r"[a-z0-9!#$&*+/=?^_`{|}~-]{1,40}(\.[a-zé山]{1,9})?", fullmatch=True)
addresses = st.builds("{}@mail.example".format, locals_).filter(lambda text: "=?" not in text)
urls = st.from_regex(r"https://[a-z]{1,9}\.example/[cpra]/[A-Za-z0-9._&=%-]{1,120}", fullmatch=True)


class Page(HTMLParser):
    """What a page says, in whichever way it is spelt."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, Any]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.parts.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        if self.parts and self.parts[-1][0] == "":
            data = self.parts.pop()[1] + data
        self.parts.append(("", data))


def told(template: str) -> About:
    """Return what all who get this notice are told alike."""
    if template in TO_EDITOR:
        return HELD
    if template == "address_changed":
        return "mailto:imara@halyard.example"
    if template == "confirmation":
        return Confirmation(ACTION_URL, (Start("Editor’s Digest", "Saturday at seven"),))
    return ACTION_URL


def stencil(template: str, about: About, name: str, sender: str = "Imara") -> Stencil:
    return build_notice(template, Notepaper.of(masthead(newsletter=name), sender, FROM), about)


def rendered_anew(
    template: str, about: About, name: str, sender: str, address: str, url: str
) -> EmailMessage:
    """Return the message as it is made for one person alone."""
    theirs = Confirmation(url, about.starts) if isinstance(about, Confirmation) else about
    theirs = url if theirs == ACTION_URL else theirs
    rendered = render_notice(template, masthead(newsletter=name), address, theirs)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(clean_text(sender), addr_spec=FROM)
    message["Subject"] = clean_text(rendered.subject)
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    return message


@given(
    template=st.sampled_from(["confirmation", *WITH_LINK, "address_changed", *TO_EDITOR]),
    about=confirmations,
    name=words,
    sender=words,
    address=addresses,
    url=urls,
)
@settings(max_examples=40, deadline=None)
def test_what_is_filled_in_says_what_would_be_rendered(
    template: str, about: Confirmation, name: str, sender: str, address: str, url: str
) -> None:
    shared = about if template == "confirmation" else told(template)
    values = VALUES | {"address": address, "action_url": url}
    raw = stencil(template, shared, name, sender).fill(values)
    # An address beyond ASCII stands in its header as it is (RFC 6532 3.2), which is a defect to
    # Python.
    to = f"\r\nTo: {address}\r\n".encode()
    assert raw.count(to) == 1
    raw = raw.replace(to, b"\r\nTo: robin@example.org\r\n")
    assert_lawful(raw)
    ours = parsed(raw)
    model = rendered_anew(template, shared, name, sender, address, url)
    assert str(ours["Subject"]) == str(model["Subject"])
    assert ours["From"].addresses[0].addr_spec == FROM
    assert ours["Date"] == VALUES["date"]
    assert ours["Message-ID"] == f"<{VALUES['message_id']}>"
    assert ours["Auto-Submitted"] == "auto-generated"
    assert ours["Content-Language"] == "en"
    (plain, text), (rich, html) = bodies(ours)
    (_, model_text), (_, model_html) = bodies(model)
    assert (plain, rich) == ("text/plain", "text/html")
    # The address is as long as it is: its paragraph may be broken elsewhere.
    assert text.split() == model_text.split()
    assert Page(html).parts == Page(model_html).parts


def test_an_address_with_an_apostrophe_is_shown_as_it_is() -> None:
    raw = stencil("confirmation", told("confirmation"), "The Brief").fill(
        VALUES | {"address": "o'brien's@example.org"}
    )
    for _, body in bodies(parsed(raw)):
        assert "o'brien's@example.org" in body.replace("&#x27;", "'")


def test_another_process_writes_the_same_bytes() -> None:
    """What is in doubt is sent again by whoever comes next, and shall be the same message."""
    first, second = (stencil("confirmation", told("confirmation"), "The Brief") for _ in range(2))
    assert first.fill(VALUES) == second.fill(VALUES)
    # No marker of this process is left in it.
    assert first.to_bytes() == second.to_bytes()


@pytest.mark.parametrize("template", ["confirmation", *WITH_LINK])
def test_no_value_of_one_person_is_in_what_is_kept(template: str) -> None:
    kept = stencil(template, told(template), "The Brief")
    assert {"address", "action_url", "date", "message_id"} == set(kept.slots)


def test_a_sender_that_no_header_can_carry_is_named() -> None:
    paper = Notepaper.of(masthead(), "Imara", "jörg@halyard.example")
    with pytest.raises(StencilError, match="From"):
        build_notice("confirmation", paper, told("confirmation"))
