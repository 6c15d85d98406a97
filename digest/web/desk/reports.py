"""Reports: what became of a newsletter and of each of its issues, as figures, tables and CSV."""

from collections.abc import Hashable, Iterable, Sequence

from flask import Response, abort, redirect, render_template, url_for
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.reports.figures import Figure, Number, csv_lines, summary_lines
from digest.desk.reports.issue import report_issue
from digest.desk.reports.newsletter import report_newsletter
from digest.models import Heartbeat, Issue, Newsletter, Role
from digest.readers.data.day_counts import DAY_COUNTS
from digest.web.context import current_runtime
from digest.web.desk.charts import BESIDE, NARROW, WIDE, draw
from digest.web.desk.compose import found_issue
from digest.web.desk.kept import Kept, kept_here
from digest.web.desk.signed_in import ID, carried_on, carries_on, desk, desk_blueprint, show
from digest.web.desk.standing import called, moment

SUMMARY = "summary"
NEWSLETTERS = select(Newsletter).order_by(Newsletter.retired_at.is_not(None), Newsletter.id)

report_pages = desk_blueprint("reports", __name__)


@report_pages.get("/reports")
def first_report() -> AnyResponse:
    """Lead to the report of the first newsletter that whoever asks may look at."""
    with current_runtime().database.reading() as session:
        mine = _newsletters(session)
    if not mine:
        sentence = "There is no newsletter here that you may look at. Ask an owner of the desk."
        return show("no_report.html", issue=None, sentence=sentence)
    return redirect(url_for("reports.show_newsletter", slug=mine[0].slug), 303)


@report_pages.get("/reports/<slug>")
@carries_on()
def show_newsletter(slug: str) -> Response:
    """Show a newsletter's report."""
    with carried_on() as session:
        mine = _newsletters(session)
        newsletter = next((each for each in mine if each.slug == slug), None)
        if newsletter is None:
            abort(404)
        report = kept_here().page(
            ("newsletter", *_stamp(session, newsletter)),
            lambda: _newsletter_figures(session, newsletter),
        )
        others = [each for each in mine if each is not newsletter]
    return show("newsletter_report.html", report=report, newsletter=newsletter, others=others)


def _newsletter_figures(session: Session, newsletter: Newsletter) -> Markup:
    told = report_newsletter(session, newsletter, desk().now)
    return Markup(render_template("desk/newsletter_figures.html", told=told, draw=drawn))  # noqa: S704 - it escapes


@report_pages.get("/reports/<slug>/<key>.csv")
def newsletter_csv(slug: str, key: str) -> Response:
    """Give one of its figures as CSV."""
    with current_runtime().database.reading() as session:
        told = report_newsletter(session, _newsletter(session, slug), desk().now)
    return _csv(f"{slug}-{key}", key, told.numbers, told.figures)


@report_pages.get(f"/issues/<{ID}:issue_id>/report")
@carries_on()
def show_issue_report(issue_id: int) -> Response:
    """Show an issue's report."""
    with carried_on() as session:
        issue = found_issue(session, issue_id)
        newsletter = issue.newsletter
        if issue.frozen_at is None:
            goes_out = moment(issue.send_at, newsletter)
            sentence = f"It has not gone out. Its time is {goes_out}; its numbers come then."
            return show("no_report.html", issue=issue, sentence=sentence)
        made_of = (issue.id, issue.counted_at, issue.state, *_stamp(session, newsletter))
        # What the tick has not counted yet is counted for whoever asks.
        kept = Kept() if issue.counted_at is None else kept_here()
        report = kept.page(("issue", *made_of), lambda: _issue_figures(session, issue))
    return show("issue_report.html", report=report, newsletter=newsletter, name=called(issue))


def _issue_figures(session: Session, issue: Issue) -> Markup:
    told = report_issue(session, issue, desk().now)
    as_of = moment(told.counted_at, issue.newsletter) if told and told.counted_at else ""
    context = {"told": told, "newsletter": issue.newsletter, "as_of": as_of, "draw": drawn}
    return Markup(render_template("desk/issue_figures.html", **context))  # noqa: S704 - it escapes


def _stamp(session: Session, newsletter: Newsletter) -> tuple[Hashable, ...]:
    """Return what any page about a newsletter depends on; a minute later it is made anew."""
    counted = session.get(Heartbeat, DAY_COUNTS)
    named = (newsletter.id, newsletter.slug, newsletter.name, newsletter.zone)
    minute = desk().now.replace(second=0, microsecond=0)
    return (*named, newsletter.count_clicks, counted.at if counted else None, minute)


@report_pages.get(f"/issues/<{ID}:issue_id>/report/<key>.csv")
def issue_csv(issue_id: int, key: str) -> Response:
    """Give one of its figures as CSV."""
    with current_runtime().database.reading() as session:
        told = report_issue(session, found_issue(session, issue_id), desk().now)
    if told is None:
        abort(404)
    return _csv(f"{told.issue.newsletter.slug}-{told.name}-{key}", key, told.numbers, told.figures)


def drawn(figure: Figure, *, beside: bool = False) -> dict[str, object]:
    """Return a figure's drawings by the class of their screen."""
    return {"on-wide": draw(figure, BESIDE if beside else WIDE), "on-narrow": draw(figure, NARROW)}


def _newsletters(session: Session) -> list[Newsletter]:
    return [each for each in session.scalars(NEWSLETTERS) if desk().may(Role.VIEWER, each.id)]


def _newsletter(session: Session, slug: str) -> Newsletter:
    found = session.scalar(select(Newsletter).where(Newsletter.slug == slug))
    if found is None or not desk().may(Role.VIEWER, found.id):
        abort(404)
    return found


def _csv(name: str, key: str, numbers: Sequence[Number], figures: Iterable[Figure]) -> Response:
    lines = summary_lines(numbers) if key == SUMMARY else None
    for figure in figures:
        if figure.key == key:
            lines = csv_lines(figure)
    if lines is None:
        abort(404)
    file = "".join(each if each.isalnum() or each == "-" else "-" for each in name.lower())
    response = Response(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{file}.csv"'
    return response
