"""Nothing on a reader's own data page is a word of our tables."""

import enum

import pytest

from digest import models
from digest.delivery.controls.resending import REASONS
from digest.web.site.held import WORDS, in_words


@pytest.mark.parametrize(
    ("of", "kinds"),
    [
        ("ended", models.EndedReason),
        ("consent", models.ConsentKind),
        ("delivery", models.DeliveryState),
        ("mail", models.NoticeKind),
        ("notice", models.NoticeState),
        ("suppression", models.SuppressionReason),
    ],
)
def test_every_state_has_words(of: str, kinds: type[enum.StrEnum]) -> None:
    assert set(WORDS[of]) == set(kinds)
    for kind in kinds:
        said = in_words(kind.value, of)
        assert said
        assert said != kind.value
        assert "_" not in said
        assert said[0].isupper()


def test_every_reason_that_an_issue_did_not_reach_somebody_has_words() -> None:
    assert set(REASONS) <= set(WORDS["why"])


def test_what_a_later_version_wrote_is_shown_as_it_is() -> None:
    assert in_words("teleported", "delivery") == "teleported"
    assert in_words(None, "ended") is None
