"""What is in the database: whether there is something to sign up to, and what waits for a person.

Everything here only reads, by statements that stay quick on a large ledger.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, joinedload

from digest import zones
from digest.checkup.finding import Finding, failure, fine, warning
from digest.database.tables import database_now
from digest.delivery.ledger.relays import habits_of
from digest.delivery.ledger.reporting import discrepancy
from digest.models import (
    Article,
    Breaker,
    BreakerState,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeState,
    Publication,
    Source,
    Wording,
)
from digest.newsroom.issues.moving import called

LINES_AT_MOST = 5
UNTOUCHED_SECONDS = 5 * 60
NEWS = timedelta(days=7)


def look_at_zones(session: Session, now: datetime) -> Iterator[Finding]:
    """Return whether the host's time zones and the ones that Digest brings agree on newsletters."""
    used = session.scalars(select(Newsletter.zone).where(Newsletter.retired_at.is_(None))).all()
    host, ours = zones.host_version(), zones.wheel_version()
    odd = zones.differing(used, now)
    if not odd:
        yield fine("time zones", f"Newsletters go by release {zones.version_used()}.")
        return
    where = "this machine's" if zones.version_used() == host else "the one that Digest brings"
    yield warning(
        "time zones",
        f"This machine's time zones (release {host or 'unknown'}) and Digest's ({ours}) differ for "
        f"{', '.join(odd)}. Issues go out by the newer, {where}.",
        "Upgrade the older: this machine's package tzdata, or Digest. Until then other programs "
        "here, logs and cron among them, may show another hour than readers' clocks.",
    )


def look_at_paper(session: Session, _: datetime) -> Iterator[Finding]:
    """Return whether there is something to sign up to, and words to agree to."""
    slugs = session.scalars(
        select(Newsletter.slug).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
    ).all()
    if slugs:
        yield fine("newsletters", f"There is {', '.join(slugs[:LINES_AT_MOST])}.")
    else:
        yield failure(
            "newsletters",
            "There is no newsletter yet.",
            "Make one: digest newsletter create --help",
        )
    if session.scalar(select(Wording.id).limit(1)) is None:
        yield failure(
            "terms",
            "There are no terms for readers to agree to, so nobody can sign up.",
            "Write them as Markdown, then run: digest terms publish FILE",
        )
    else:
        yield fine("terms", "Readers agree to terms that you published.")
    publication = session.get(Publication, 1)
    if publication and not (publication.privacy or publication.privacy_url) and slugs:
        yield warning(
            "privacy",
            "There is no privacy notice, which readers have a right to (GDPR, Article 13).",
            f"Run: digest newsletter edit {slugs[0]} --privacy-url https://…",
        )


def look_at_sources(session: Session, _: datetime) -> Iterator[Finding]:
    """Return the feeds whose last fetch failed."""
    in_use = Source.retired_at.is_(None)
    count = session.scalar(select(func.count()).select_from(Source).where(in_use)) or 0
    failing = session.scalars(
        select(Source).where(in_use, Source.failures > 0).order_by(Source.failures.desc())
    ).all()
    if not count:
        if session.scalar(select(Article.id).limit(1)) is None:
            yield warning(
                "sources",
                "There are no feeds and no articles, so there is nothing to make an issue from.",
                "Add a feed: digest source add URL. Or an article: digest article add --help",
            )
        else:
            yield fine("sources", "There are no feeds; articles are added by hand or by the API.")
        return
    if not failing:
        yield fine("sources", f"No feed fails, of {count}.")
    for source in failing[:LINES_AT_MOST]:
        times = "once" if source.failures == 1 else f"{source.failures} times in a row"
        yield warning(
            "sources",
            f"{source.name} (source {source.id}) failed {times}: {source.last_error}",
            "It is tried again by itself, less and less often. See: digest source list",
        )
    if len(failing) > LINES_AT_MOST:
        yield warning(
            "sources",
            f"So did {len(failing) - LINES_AT_MOST} more.",
            "See: digest source list",
        )


def look_at_issues(session: Session, now: datetime) -> Iterator[Finding]:
    """Return the issues that wait for a person, and those that no worker takes."""
    waiting = session.scalars(
        select(Issue)
        .where(
            Issue.state.in_((IssueState.PARKED, IssueState.PAUSED))
            | ((Issue.state == IssueState.HELD) & (Issue.send_at > now - NEWS))
        )
        .order_by(Issue.send_at)
        .options(joinedload(Issue.newsletter))
    ).all()
    for issue in waiting[:LINES_AT_MOST]:
        yield _waiting(issue)
    if len(waiting) > LINES_AT_MOST:
        yield failure(
            "issues", f"So do {len(waiting) - LINES_AT_MOST} more.", "See: digest issue list"
        )
    untaken = session.scalars(
        select(Issue)
        .where(_untaken(now))
        .order_by(Issue.send_at)
        .limit(LINES_AT_MOST)
        .options(joinedload(Issue.newsletter))
    ).all()
    for issue in untaken:
        yield failure(
            "issues",
            f"{_name(issue)}, is due, and no worker takes it.",
            "Is the worker for the queue `bulk` running, and is the broker there? (`digest run` "
            "is both.)",
        )
    if not waiting and not untaken:
        yield fine("issues", "None waits for a person.")


def _waiting(issue: Issue) -> Finding:
    reason = f": {issue.reason}" if issue.reason else "."
    if issue.state is IssueState.PARKED:
        return failure(
            "issues",
            f"{_name(issue)}, is parked{reason}",
            "It goes on by itself when the relay takes mail again. To ask it now: "
            f"digest issue resume {issue.id}",
        )
    if issue.state is IssueState.PAUSED:
        return warning(
            "issues",
            f"{_name(issue)}, is paused{reason}",
            f"Send on with it (digest issue resume {issue.id}), or give it up (digest issue cancel "
            f"{issue.id}).",
        )
    return failure(
        "issues",
        f"{_name(issue)}, is held{reason}",
        f"Look at it (digest issue preview {issue.id}). Then send it now (digest issue send "
        f"{issue.id}), or choose a time (digest issue schedule {issue.id} --at WHEN).",
    )


def _untaken(now: datetime) -> ColumnElement[bool]:
    """Say which issues are due for some minutes, and in nobody's hands."""
    overdue = exists().where(
        Delivery.issue_id == Issue.id,
        Delivery.state == DeliveryState.QUEUED,
        Delivery.next_attempt_at < database_now(-UNTOUCHED_SECONDS),
    )
    in_hand = exists().where(
        Delivery.issue_id == Issue.id,
        Delivery.state.in_((DeliveryState.CLAIMED, DeliveryState.SENDING)),
        Delivery.lease_until > database_now(),
    )
    since = now - timedelta(seconds=UNTOUCHED_SECONDS)
    return ((Issue.state == IssueState.SCHEDULED) & (Issue.send_at < since)) | (
        Issue.state.in_((IssueState.FROZEN, IssueState.SENDING)) & overdue & ~in_hand
    )


def look_at_breaker(session: Session, relay: str) -> Iterator[Finding]:
    """Return whether the relay (`host:port`) was found to take no mail, and is left alone."""
    known = session.get(Breaker, relay)
    if known is None or known.state is BreakerState.CLOSED:
        yield fine("breaker", "Nothing keeps mail from the relay.")
        return
    if known.state is BreakerState.HALF_OPEN:
        again = "It is being tried right now."
    else:
        again = f"It is tried again by itself, from {known.next_probe_at:%H:%M} UTC on."
    yield failure(
        "breaker",
        f"Since {known.opened_at:%d %B %Y, %H:%M} UTC no mail goes to the relay: {known.reason}",
        f"{again} What waits goes on as soon as it answers.",
    )


def look_at_habits(session: Session, relay: str) -> Iterator[Finding]:
    """Return what the relay (`host:port`) was found to be like, where that costs something."""
    known = habits_of(session, relay)
    if known.dot_alone:
        yield fine(
            "relay's habits",
            f"{relay} loses what comes in one packet with the end of a message, so each message "
            "waits for the answer to the one before.",
        )
    if known.refusals_at_most is not None:
        yield fine(
            "relay's habits",
            f"{relay} hangs up, or makes us wait, when it has refused many readers in one "
            f"connection, so Digest calls again after {known.refusals_at_most}.",
        )


def look_at_notices(session: Session, now: datetime) -> Iterator[Finding]:
    """Return whether confirmations and the like get out."""
    queued = Notice.state == NoticeState.QUEUED
    untouched = session.scalar(
        select(func.count())
        .select_from(Notice)
        .where(queued, Notice.next_attempt_at < database_now(-UNTOUCHED_SECONDS))
    )
    refused = session.execute(
        select(func.count(), func.max(Notice.reply)).where(queued, Notice.attempts > 0)
    ).one()
    lately = (Notice.state == NoticeState.FAILED, Notice.created_at > now - NEWS)
    how_many = select(func.count(), func.max(Notice.reply)).where(*lately)
    # Where the relay gave no code, the words are ours: it was not even asked.
    failed = session.execute(how_many.where(Notice.code.is_not(None))).one()
    unasked = session.execute(how_many.where(Notice.code.is_(None))).one()
    if untouched:
        yield failure(
            "notices",
            f"{_notices(untouched)} for more than five minutes: readers wait for their "
            "confirmations.",
            "Is the worker for the queue `notices` running? (`digest run` is that, too.)",
        )
    if refused[0]:
        yield warning(
            "notices",
            f"{_notices(refused[0])} to be tried again; the relay said: {refused[1] or 'nothing'}",
            "They are tried again by themselves, for two days.",
        )
    if failed[0]:
        yield warning(
            "notices",
            f"In the last week {failed[0]:,} failed for good; the relay said: "
            f"{failed[1] or 'nothing'}",
            "A few are mistyped addresses. If it is many, read what the relay says.",
        )
    if unasked[0]:
        yield warning(
            "notices",
            f"In the last week {unasked[0]:,} could not be given to the relay: "
            f"{unasked[1] or 'it did not answer for two days.'}",
            "`digest subscriber show ADDRESS` tells it of each reader. Letters such as ö before "
            "the @ need a relay that offers SMTPUTF8.",
        )
    if not (untouched or refused[0] or failed[0] or unasked[0]):
        yield fine("notices", "None waits that should not.")


def _notices(count: int) -> str:
    return "One notice waits" if count == 1 else f"{count:,} notices wait"


def look_at_doubt(session: Session, _: datetime) -> Iterator[Finding]:
    """Return the messages of which nobody knows whether they arrived."""
    found = session.execute(
        select(Delivery.issue_id, func.count())
        .where(Delivery.state == DeliveryState.IN_DOUBT)
        .group_by(Delivery.issue_id)
        .order_by(Delivery.issue_id.desc())
        .limit(LINES_AT_MOST)
    ).all()
    if not found:
        yield fine("deliveries", "None is in doubt.")
    for issue_id, count in found:
        issue = session.get_one(Issue, issue_id, options=[joinedload(Issue.newsletter)])
        were = "one message was" if count == 1 else f"{count:,} messages were"
        yield warning(
            "deliveries",
            f"{_name(issue)}: {were} handed to the relay, which never answered. Whether they "
            "arrived is not known, so they are not sent again.",
            f"The relay's own log tells. Then run: digest delivery resolve --issue {issue.id} --as "
            "accepted, or --as queued to send them again. To have such messages sent again by "
            "themselves, at the risk of sending some twice, run: digest newsletter edit "
            f"{issue.newsletter.slug} --in-doubt-policy resend",
        )


def look_at_sums(session: Session, _: datetime) -> Iterator[Finding]:
    """Return the issues whose numbers did not add up when they were closed."""
    found = session.scalars(
        select(Issue)
        .where(Issue.unaccounted != 0)
        .order_by(Issue.send_at.desc())
        .limit(LINES_AT_MOST)
        .options(joinedload(Issue.newsletter))
    ).all()
    for issue in found:
        yield failure(
            "sums",
            f"{_name(issue)}: {discrepancy(issue.audience or 0, issue.unaccounted or 0)}",
            "Rows of the ledger were lost or added by something other than Digest. Keep the "
            f"database as it is, look (digest issue report {issue.id}), and ask.",
        )
    if not found:
        yield fine("sums", "The numbers of every issue that is closed add up.")


def _name(issue: Issue) -> str:
    return f"{issue.newsletter.name}, {called(issue)}"
