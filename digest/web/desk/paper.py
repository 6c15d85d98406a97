"""The paper itself: its name, its site, its privacy notice and its mark."""

from flask import Response, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record
from digest.errors import FieldError
from digest.models import Publication, Role
from digest.newsroom.newsletters import ensure_publication
from digest.web.context import current_runtime
from digest.web.desk.signed_in import actor, desk, desk_blueprint, show
from digest.web.desk.stale import refuse_stale, stamp_of
from digest.web.masthead import masthead_of

FIELDS = ("name", "site_url", "privacy_url")
DONE = {"saved": "It is saved.", "pictured": "The mark is changed."}

paper_pages = desk_blueprint("desk_paper", __name__, role=Role.OWNER)


@paper_pages.get("/paper")
def show_paper() -> Response:
    """Show what is known of the paper."""
    return paper_page()


@paper_pages.post("/paper")
def edit() -> AnyResponse:
    """Change the paper's words."""
    typed = {name: request.form.get(name, "")[:600] for name in FIELDS}
    try:
        with current_runtime().database.transaction() as session:
            paper = session.get(Publication, 1, with_for_update=True)
            refuse_stale("the paper", stamp_of(_stands(paper)))
            before = {name: getattr(paper, name, None) for name in FIELDS}
            after = ensure_publication(
                session,
                typed["name"],
                typed["site_url"],
                privacy_url=typed["privacy_url"].strip() or None,
            )
            fields = [name for name in FIELDS if getattr(after, name) != before[name]]
            if fields:
                who, table = actor(session), Publication.__tablename__
                record(session, who, "publication edit", table, 1, now=desk().now, fields=fields)
    except FieldError as error:
        return paper_page((error,), typed)
    return redirect(url_for("desk_paper.show_paper", done="saved"), 303)


def _stands(paper: Publication | None) -> dict[str, str]:
    return {name: getattr(paper, name, None) or "" for name in FIELDS}


def paper_page(
    errors: tuple[FieldError, ...] = (), typed: dict[str, str] | None = None
) -> Response:
    """Show the paper's form: with what was typed, or else with what stands."""
    masthead_of(current_app).look_again()
    with current_runtime().database.reading() as session:
        paper = session.get(Publication, 1)
    # The command calls these two by shorter names.
    called = {"publication": "name", "site": "site_url"}
    errors = tuple(FieldError(called.get(each.field, each.field), each.sentence) for each in errors)
    return show(
        "paper.html",
        422 if errors else 200,
        errors=errors,
        paper=paper,
        typed=typed or _stands(paper),
        stamp=stamp_of(_stands(paper)),
        done=DONE.get(request.args.get("done", ""), ""),
    )
