"""Setting up: the way to what is set seldom, for whoever may."""

from dataclasses import dataclass

from flask import Response, url_for

from digest.models import Role
from digest.web.desk.signed_in import desk, desk_blueprint, show

settings_pages = desk_blueprint("desk_settings", __name__)


@dataclass(frozen=True)
class Entry:
    """A row of the page: what is set there, and the page's endpoint.

    `role`: who may, for all newsletters or, where `anywhere`, for one. None: everybody may look.
    """

    name: str
    says: str
    endpoint: str
    role: Role | None = Role.OWNER
    anywhere: bool = False


ENTRIES = (
    Entry(
        "Readers",
        "How many there are; who they are, and what each agreed to",
        "desk_readers.count",
        None,
    ),
    Entry(
        "Newsletters",
        "Name, editor, schedule, look, and what feeds each; the paper itself",
        "desk_newsletters.show_all",
        anywhere=True,
    ),
    Entry(
        "Sources",
        "The feeds that articles come from, and how each answers",
        "desk_sources.show_all",
    ),
    Entry(
        "Terms and wordings",
        "What readers agree to, and the sentence beside the checkbox",
        "desk_terms.show_terms",
    ),
    Entry("Forms", "Sign-ups by form, and the code to paste", "desk_forms.show_forms"),
    Entry("Users", "Who may sign in here, and what each may do", "users.show_users"),
    Entry("Audit log", "Who did what, to which row", "desk_audit.show_log"),
    Entry("API tokens", "Who may bring in articles, or sign readers up", "desk_tokens.show_tokens"),
    Entry("Health", "What is missing, and how to mend it", "desk_doctor.ask"),
    Entry("Domains", "What receivers find: SPF, DKIM, DMARC and the rest", "desk_domains.ask"),
)


@settings_pages.get("/settings")
def show_index() -> Response:
    """Show what there is to set, to whoever may set it."""
    rows = [
        (each, url_for(each.endpoint))
        for each in ENTRIES
        if each.role is None
        or (desk().may_anywhere(each.role) if each.anywhere else desk().may(each.role))
    ]
    return show("settings.html", rows=rows)
