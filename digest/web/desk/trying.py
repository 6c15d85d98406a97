"""A test of an issue by mail: to whoever is at the desk, or to a few addresses."""

import re
from collections.abc import Sequence
from dataclasses import replace

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest import prose
from digest.addresses import AddressError, parse_address
from digest.delivery.controls.previewing import send_previews
from digest.desk.audit import record
from digest.errors import FieldError, RefusedError
from digest.models import Issue, Role
from digest.settings.loading import Settings
from digest.web.context import current_runtime
from digest.web.desk.compose import found_issue
from digest.web.desk.preview import previewed
from digest.web.desk.seeing import MOST_TESTED, went_to
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import standing_of
from digest.web.guarding import check_test

# Somebody waits for the page.
SMTP_SECONDS, REPLY_SECONDS = 10.0, 20.0

trying_pages = desk_blueprint("trying", __name__)


@trying_pages.get(f"/issues/<{ID}:issue_id>/test")
def ask_whom(issue_id: int) -> Response:
    """Ask to which addresses a test goes."""
    return _asked(issue_id, desk().user.email)


@trying_pages.post(f"/issues/<{ID}:issue_id>/test")
def send_test(issue_id: int) -> AnyResponse:
    """Send a test to the addresses that are named, or to whoever asks; to nobody else."""
    runtime, typed = current_runtime(), request.form.get("to", desk().user.email)
    try:
        addresses = _addresses(typed)
        check_test(desk().user.id)
        with runtime.database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            mails = [previewed(session, issue, each) for each in addresses]
            record(
                session,
                actor(session),
                "issue test",
                Issue.__tablename__,
                issue.id,
                newsletter_id=issue.newsletter_id,
                now=desk().now,
                values={"to": addresses},
            )
    except FieldError as error:
        return _asked(issue_id, typed, (error,))
    except RefusedError as error:
        return _asked(issue_id, typed, (FieldError("to", str(error)),))
    refused = send_previews(mails, _hasty(runtime.settings))
    if refused:
        sent = [each for each in addresses if each not in refused]
        errors = [FieldError("to", f"{each}: {why}") for each, why in refused.items()]
        return _asked(issue_id, "\n".join(refused), errors, went_to(len(sent)) if sent else "")
    count = len(addresses) if addresses != [desk().user.email] else 0
    return redirect(url_for("desk_issue.show_issue", issue_id=issue_id, tested=count), 303)


def _addresses(typed: str) -> list[str]:
    """Return what was typed as addresses, each once.

    Raises:
        FieldError: one is none, or there are too many, or none at all.
    """
    words = [each for each in re.split(r"[\s,;]+", typed) if each]
    if not words:
        raise FieldError("to", "Enter an address that gets the test.")
    if len(words) > MOST_TESTED:
        raise FieldError(
            "to",
            f"{prose.number_in_words(MOST_TESTED).capitalize()} addresses at most. Take some out.",
        )
    found: dict[str, str] = {}
    for word in words:
        try:
            address = parse_address(word, current_runtime().settings.reserved_names)
        except AddressError as error:
            raise FieldError("to", f"{word}: {prose.ended(str(error))}") from None
        found[address.key] = address.email
    return list(found.values())


def _hasty(settings: Settings) -> Settings:
    return replace(
        settings,
        smtp_timeout=min(settings.smtp_timeout, SMTP_SECONDS),
        reply_timeout=min(settings.reply_timeout, REPLY_SECONDS),
    )


def _asked(
    issue_id: int, typed: str, errors: Sequence[FieldError] = (), done: str = ""
) -> Response:
    with current_runtime().database.reading() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        return show(
            "test.html",
            422 if errors else 200,
            errors=errors,
            issue=issue,
            newsletter=issue.newsletter,
            standing=standing_of(issue, desk().now),
            typed=typed,
            most=prose.number_in_words(MOST_TESTED),
            done=done,
        )
