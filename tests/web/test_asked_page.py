"""The page that answers a sign-up is what its template makes of it, though it is kept."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.models import Newsletter
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import AskedFor, SignUpForm
from digest.readers.signing_up.submitting import Asked
from digest.web import asked_page as kept
from digest.web.guarding.form_tokens import new_token
from digest.web.masthead import masthead_of

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=12
) | st.sampled_from(
    ["", "<b>", '"', "&amp;", "slot-to-", "slot-email-", "{{ x }}", "\r\n", "ünï", "'"]
)
ASKED = st.lists(
    st.builds(AskedFor, st.integers(1, 9), st.sampled_from(["a", "b"]), WORDS),
    min_size=1,
    max_size=3,
)


@ONLY_SQLITE
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(data=st.data())
def test_it_is_byte_for_byte_the_template(
    app: Flask, newsletter: Newsletter, data: st.DataObject
) -> None:
    def words() -> str:
        return str(data.draw(WORDS))

    asked = Asked(data.draw(WORDS.filter(bool)), tuple(data.draw(ASKED)), b"")
    form = SignUpForm(
        email=words(),
        sure=words(),
        newsletters=tuple(data.draw(st.lists(WORDS, max_size=2))),
        topics=tuple(data.draw(st.lists(WORDS, max_size=2))),
        name=words(),
        wording=words(),
        evidence=Evidence(form=words() or None),
    )
    more: Any = {
        "withdrawals": data.draw(st.lists(WORDS.filter(bool), min_size=1, max_size=4)),
        "page": words() or None,
        "newsletter": newsletter if (in_frame := data.draw(st.booleans())) else None,
    }
    path = data.draw(st.sampled_from(["?scheme=dark", "?scheme=light", ""]))
    path = f"/embed/{newsletter.slug}{path}" if in_frame else "/subscribe"
    with app.test_request_context(path, method="POST"):
        token = data.draw(st.sampled_from(["", new_token()]))
    with app.test_request_context(path, method="POST", data={"token": token}):
        sent = data.draw(st.integers(1, 2**40))
        page = kept.asked_page(asked, form, "/here?x=1&y=2", sent=sent, **more)
        rendered = kept.render_asked(
            asked, form, "/here?x=1&y=2", sent=str(sent), token=token, **more
        )

    assert page == rendered


@ONLY_SQLITE
def test_a_change_of_what_it_shows_is_seen_at_once(app: Flask, newsletter: Newsletter) -> None:
    asked = Asked("a@example.org", (AskedFor(1, "a", "The Brief"),), b"")
    form = SignUpForm(email="a@example.org")

    def page(asked: Asked = asked) -> str:
        with app.test_request_context("/subscribe", method="POST"):
            return kept.asked_page(asked, form, "/subscribe", sent=1, withdrawals=["x"])

    before = page()
    memory = masthead_of(app)
    memory._seen = replace(memory.get(), name="The Evening Halyard")
    assert "The Evening Halyard" not in before
    assert "The Evening Halyard" in page()
    assert "The Long Brief" in page(
        replace(asked, newsletters=(AskedFor(1, "a", "The Long Brief"),))
    )
