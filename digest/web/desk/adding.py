"""Adding an article to an issue by its address, which is fetched when the button is pressed."""

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from digest.errors import FieldError, RefusedError
from digest.models import Role
from digest.newsroom.intake.fetching_sources import open_fetcher
from digest.newsroom.issues.adding import find_by_address, pick_by_address
from digest.newsroom.issues.history import refuse_frozen
from digest.web.context import current_runtime
from digest.web.desk.compose import carry_out, compose_page, found_issue
from digest.web.desk.signed_in import ID, desk, desk_blueprint, refuse_without

ADDRESS_SHOWN_AT_MOST = 2000

adding_pages = desk_blueprint("adding", __name__)


@adding_pages.post(f"/issues/<{ID}:issue_id>/add")
def add_by_address(issue_id: int) -> AnyResponse:
    """Put in the article that is at the address `url`."""
    runtime, url, now = current_runtime(), request.form.get("url", ""), desk().now
    try:
        with runtime.database.reading() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            # Before anything is fetched.
            refuse_frozen(issue)
        found = find_by_address(
            runtime.database, open_fetcher(runtime.database, runtime.settings), url, now
        )
    except (FieldError, RefusedError) as error:
        wrong = error if isinstance(error, FieldError) else FieldError("pool", str(error))
        typed = {"url": url[:ADDRESS_SHOWN_AT_MOST]}
        return compose_page(issue_id, (wrong,), typed=typed)
    return carry_out(
        issue_id,
        lambda session, issue, by: pick_by_address(session, issue, found, by, now),
        back_to="pool",
        typed={"url": url},
    )
