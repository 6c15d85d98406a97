"""What the page of an issue shows of it: in which view the email is, and what became of a test."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import request

from digest import prose, zones
from digest.models import Issue, IssueChange, Role
from digest.web.desk.signed_in import desk

# A test goes to so many addresses at once.
MOST_TESTED = 5


class View(StrEnum):
    """A way to look at an issue, as it stands in addresses."""

    DESKTOP = "desktop"
    PHONE = "phone"
    DARK = "dark"
    NO_IMAGES = "no-images"
    TEXT = "text"
    SOURCE = "source"

    @property
    def called(self) -> str:
        """What its tab says."""
        return self.value.replace("-", " ").capitalize()


def seen(issue: Issue, default: View = View.PHONE) -> dict[str, Any]:
    """Return what the template of the preview needs: the views, and which one is asked for."""
    return {
        "views": tuple(View),
        "view": asked_view("preview", default),
        "seen_issue": issue.id,
        "sees_readers": desk().may(Role.READERS, issue.newsletter_id),
    }


def asked_edition() -> int | None:
    """Return the id of the frozen bytes that the address names."""
    asked = request.args.get("edition", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 16 else None


def asked_view(name: str, default: View) -> View:
    """Return the view that the address of a page names."""
    asked = request.args.get(name, "")
    return View(asked) if asked in set(View) else default


def tested() -> str:
    """Say what became of the test that the address of the page names."""
    asked = request.args.get("tested", "")
    return went_to(int(asked)) if asked in {str(each) for each in range(MOST_TESTED + 1)} else ""


def went_to(count: int) -> str:
    """Say that a test was accepted for so many addresses; 0: for whoever asked."""
    if count == 0:
        return "A test is on its way to you. Its subject begins with [Test]."
    to = prose.count_in_words(count, "address", "addresses")
    return f"A test is on its way to {to}. Its subject begins with [Test]."


def saved_at(change: IssueChange, zone_name: str, now: datetime) -> str:
    """Return "10:42" by the newsletter's clock; with the day, where that is not today."""
    zone = zones.named(zone_name)
    local, today = change.at.astimezone(zone), now.astimezone(zone).date()
    on = "" if local.date() == today else f" on {prose.short_day(local.date())}"
    return f"{local:%H:%M}{on}"
