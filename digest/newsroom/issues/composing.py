"""Making an issue, and picking its stories by a rule that can be said in a sentence.

The rule: the freshest first; a story of a section that is already in gives way; a source's
priority counts as days of freshness. The lead is the first of them that has a large picture.

An article is as fresh as its date says; one without a date, as when it was first seen. What came
undated with a source's first fetch is no news. A newsletter may name what feeds it (`fed_to`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from digest import prose, zones
from digest.errors import RefusedError
from digest.models import (
    AFTER_FREEZE,
    BEFORE_FREEZE,
    MAY_HAVE_ARRIVED,
    Article,
    Delivery,
    Issue,
    IssueState,
    IssueTotal,
    LeftOut,
    Newsletter,
    Story,
    StoryRole,
    may_be_picked,
)
from digest.models.article import RECENT
from digest.newsroom.feeding import feeding_of
from digest.newsroom.issues.calendar import Slot, slot, slot_sent_at
from digest.newsroom.issues.history import Editor, dropped_by_person, note_rule, quoted
from digest.newsroom.issues.leaving import give_back_by_rule, keep_own
from digest.newsroom.issues.moving import called, move

SAME_SECTION_DAYS = 2
CANDIDATES_AT_MOST = 500
STORIES_AT_LEAST, STORIES_AT_MOST = 2, 4
REASON_AT_MOST = 500
ANEW = "Choose its sources and sections anew."


@dataclass(frozen=True)
class Pick:
    """An article that was picked, and why in one plain sentence."""

    article: Article
    why: str
    large_picture: bool = False


def create_issue(
    session: Session, newsletter: Newsletter, occurrence_on: date, now: datetime
) -> Issue:
    """Return the issue of a local date, made if there is none: two callers at once make one."""
    mine = (Issue.newsletter_id == newsletter.id, Issue.occurrence_on == occurrence_on)
    found = session.scalar(select(Issue).where(*mine))
    if found is not None:
        return found
    try:
        with session.begin_nested():
            return _inserted(session, newsletter, slot(newsletter, occurrence_on), now)
    except IntegrityError:
        return session.scalars(select(Issue).where(*mine)).one()


def create_special(
    session: Session, newsletter: Newsletter, send_at: datetime, now: datetime
) -> Issue:
    """Make an issue outside of the calendar.

    Raises:
        RefusedError: that time has passed, or there is one for that moment already.
    """
    if send_at < now:
        raise RefusedError("That time has passed. Choose a later one.")
    # One button that is pressed twice makes one: whoever comes second waits here.
    session.get_one(
        Newsletter, newsletter.id, with_for_update={"key_share": True}, populate_existing=True
    )
    same = select(Issue.id).where(
        Issue.newsletter_id == newsletter.id,
        Issue.occurrence_on.is_(None),
        Issue.send_at == send_at,
        Issue.state.in_(BEFORE_FREEZE),
    )
    if session.scalar(same) is not None:
        raise RefusedError("There is a special edition for that moment already.")
    times = slot_sent_at(newsletter, zones.local_date(send_at, newsletter.zone), send_at)
    return _inserted(session, newsletter, times, now, special=True)


def _inserted(
    session: Session, newsletter: Newsletter, times: Slot, now: datetime, *, special: bool = False
) -> Issue:
    issue = Issue(
        newsletter=newsletter,
        occurrence_on=None if special else times.occurrence_on,
        dateline=times.occurrence_on,
        compose_at=times.compose_at,
        closes_at=times.closes_at,
        send_at=times.send_at,
        created_at=now,
    )
    session.add(issue)
    session.flush()
    return issue


def compose(
    session: Session,
    issue: Issue,
    now: datetime,
    *,
    again: bool = False,
    asked_by: Editor | None = None,
) -> None:
    """Pick the stories of a draft. Too few: the issue is skipped, with the reason, and uses none.

    What a person picked or wrote in stays, in its order; `again` picks all others anew. What was
    pinned and is withdrawn or hidden by now is left out, and the history says so. A skipped
    issue may be composed again too, and one that was cancelled before it was frozen; it has to be
    approved anew. `asked_by`: who had it done, None: its time had come.

    Raises:
        RefusedError: with the reason in words.
    """
    _refuse_unless_open(issue, again=again)
    # Before anything is read: an editor who picks at this moment waits for us, or we for them.
    move(session, issue, issue.state)
    session.expire(issue, ["stories"])
    newsletter = issue.newsletter
    kept = [story for story in issue.stories if _stays(story)]
    gone = _leave_out(session, issue, now)
    known = {story.article_id for story in kept}
    candidates = [each for each in _candidates(session, issue, now) if each.id not in known]
    issue.stories[:] = kept
    session.flush()
    if len(kept) + len(candidates) < newsletter.story_min:
        reason = prose.cut(
            _too_few(session, issue, len(kept) + len(candidates), now) + gone, REASON_AT_MOST
        )
        move(session, issue, IssueState.SKIPPED, reason=reason, composed_at=now)
        return
    picks = pick(candidates, max(0, newsletter.story_count - len(kept)), now)
    anew = {"reason": None, "composed_at": now, "approved_at": None, "approved_by": None}
    move(session, issue, IssueState.DRAFT, **anew)
    new = _arrange(issue, kept, picks)
    give_back_by_rule(session, issue, new, now)
    stories = prose.count_in_words(len(issue.stories), "story", "stories")
    stayed = f", of which a person chose {prose.number_in_words(len(kept))}" if kept else ""
    note_rule(session, issue, now, f"Composed: {stories}{stayed}.{gone}", asked_by)
    session.flush()


def _stays(story: Story) -> bool:
    return story.is_by_hand and not _is_gone(story)


def _is_gone(story: Story) -> bool:
    """Tell whether no issue shows its article, or none picks it and this one has not yet either."""
    article = story.article
    hidden = article.hidden_at is not None and story.issue.composed_at is None
    return article.withdrawn_at is not None or hidden


def _leave_out(session: Session, issue: Issue, now: datetime) -> str:
    """Write down what a person picked and is gone; return it in words, after a space."""
    said = ""
    for story in issue.stories:
        if story.is_by_hand and _is_gone(story):
            keep_own(session, story, now)
            article, hidden = story.article, story.article.withdrawn_at is None
            title = article.title
            issue.left_out.append(
                LeftOut(article_id=article.id, title=title, by_hand=True, hidden=hidden, at=now)
            )
            how = "hidden" if hidden else "withdrawn"
            said += f" {quoted(title)}, which a person had chosen, is {how}, and left out."
    return said


def _arrange(issue: Issue, kept: list[Story], picks: list[Pick]) -> list[Story]:
    """Set what the rule picked around what stays: the lead first, all others after what stays.

    Return what is new.
    """
    new = [Story(article=each.article, position=0, why=each.why) for each in picks]
    has_lead = any(story.role is StoryRole.LEAD for story in kept)
    stories = [*kept, *new] if has_lead else [*new[:1], *kept, *new[1:]]
    stories.sort(key=lambda story: story.role is not StoryRole.LEAD)
    for position, (story, role) in enumerate(
        zip(stories, roles(len(stories)), strict=True), start=1
    ):
        story.position = position
        if story in new:
            story.role = role
    if stories:
        # Also where people chose them all.
        stories[0].role = StoryRole.LEAD
    issue.stories.extend(new)
    return new


def _refuse_unless_open(issue: Issue, *, again: bool) -> None:
    if issue.state is IssueState.CANCELLED and issue.number is not None:
        raise RefusedError(f"{called(issue).capitalize()} was cancelled for good: {issue.reason}")
    if issue.state not in (IssueState.DRAFT, IssueState.SKIPPED, IssueState.CANCELLED):
        raise RefusedError(f"Only a draft can be composed, and {called(issue)} is {issue.state}.")
    if issue.composed_at and issue.state is IssueState.DRAFT and not again:
        raise RefusedError(
            f"Stories have been picked for {called(issue)} already. Picking again (--again) "
            "changes all but those that a person picked or wrote in."
        )


def _candidates(session: Session, issue: Issue, now: datetime) -> list[Article]:
    newsletter = issue.newsletter
    oldest = now - timedelta(days=newsletter.story_max_age_days)
    last = _last_issue(session, newsletter)
    # By when it was composed: what came in between then and its freeze has had no chance yet.
    since = (last.composed_at or last.frozen_at) if last else None
    query = (
        select(Article)
        .where(
            Article.first_seen_at >= (max(since, oldest) if since else oldest),
            or_(Article.published_at.is_(None), Article.published_at >= oldest),
            Article.backlog.is_(False),
            may_be_picked(newsletter),
            ~_taken_by_another_issue(session, issue),
        )
        .order_by(RECENT.desc(), Article.id.desc())
        .limit(CANDIDATES_AT_MOST)
        .options(joinedload(Article.source))
    )
    return list(session.scalars(query))


def _last_issue(session: Session, newsletter: Newsletter) -> Issue | None:
    return session.scalar(
        select(Issue)
        .where(
            Issue.newsletter_id == newsletter.id,
            Issue.occurrence_on.is_not(None),
            Issue.state.in_(AFTER_FREEZE),
        )
        .order_by(Issue.frozen_at.desc())
        .limit(1)
    )


def _taken_by_another_issue(session: Session, issue: Issue) -> ColumnElement[bool]:
    """Say which articles this newsletter has sent, or may yet send in an issue that waits."""
    return exists().where(
        Story.article_id == Article.id,
        Story.issue_id == Issue.id,
        Issue.newsletter_id == issue.newsletter_id,
        Issue.id != issue.id,
        or_(
            Issue.state.in_((*AFTER_FREEZE, *BEFORE_FREEZE)),
            Issue.id.in_(_cancelled_too_late(session, issue.newsletter_id)),
        ),
    )


def _cancelled_too_late(session: Session, newsletter_id: int) -> list[int]:
    """Return the cancelled issues that somebody got all the same."""
    cancelled = session.execute(
        select(Issue.id, Issue.folded_at).where(
            Issue.newsletter_id == newsletter_id, Issue.state == IssueState.CANCELLED
        )
    ).all()
    return [issue_id for issue_id, folded_at in cancelled if _arrived(session, issue_id, folded_at)]


def _arrived(session: Session, issue_id: int, folded_at: datetime | None) -> bool:
    # One question for each: a question about many would open every issue's partition.
    if folded_at is not None:
        arrived = exists().where(
            IssueTotal.issue_id == issue_id,
            IssueTotal.state.in_(MAY_HAVE_ARRIVED),
            IssueTotal.readers > 0,
        )
    else:
        arrived = exists().where(
            Delivery.issue_id == issue_id, Delivery.state.in_(MAY_HAVE_ARRIVED)
        )
    return session.execute(select(arrived)).scalar_one()


def _too_few(session: Session, issue: Issue, found: int, now: datetime) -> str:
    fed = feeding_of(session, issue.newsletter, now)
    if fed.nothing:
        troubles = prose.cut(" ".join(fed.troubles), REASON_AT_MOST - len(ANEW) - 1)
        return f"{troubles} {ANEW}"
    last = _last_issue(session, issue.newsletter)
    since = f"since {called(last)}" if last else "yet"
    new = {0: "no new articles", 1: "only one new article"}.get(found, f"only {found} new articles")
    verb = "was" if found == 1 else "were"
    least = issue.newsletter.story_min
    return f"There {verb} {new} {since}{fed.origin}, and it needs at least {least}."


def pick(candidates: list[Article], count: int, now: datetime) -> list[Pick]:
    """Return at most `count` picks, the lead first, the rest in the order they were picked."""
    left = list(candidates)
    sections: dict[str, int] = {}
    picks: list[Pick] = []
    while left and len(picks) < count:
        best = max(left, key=lambda article: _score(article, sections, now))
        left.remove(best)
        before = sections.get(best.section or "", 0)
        picks.append(Pick(best, _why(best, before, now), best.lead_image is not None))
        if best.section:
            sections[best.section] = before + 1
    return _lead_first(picks)


def next_best(
    session: Session, issue: Issue, beside: Sequence[Article], now: datetime
) -> Pick | None:
    """Return what the rule picks next for an issue that has the stories `beside` already."""
    known = {article.id for article in beside} | dropped_by_person(session, issue)
    left = [each for each in _candidates(session, issue, now) if each.id not in known]
    sections = Counter(article.section for article in beside if article.section)
    if not left:
        return None
    best = max(left, key=lambda article: _score(article, sections, now))
    why = _why(best, sections[best.section or ""], now)
    return Pick(best, why, best.lead_image is not None)


def _score(article: Article, sections: dict[str, int], now: datetime) -> tuple[float, int]:
    """Return how many days fresh an article counts as; of equals, the newest in our books."""
    fresh = article.published_at or article.first_seen_at
    days_old = max(now - fresh, timedelta(0)) / timedelta(days=1)
    priority = article.source.priority if article.source else 0
    crowding = SAME_SECTION_DAYS * sections.get(article.section or "", 0)
    return priority - days_old - crowding, article.id


def _why(article: Article, before: int, now: datetime) -> str:
    reasons = [_when(article, now)]
    if article.section and before:
        reasons.append(f"number {before + 1} from {article.section}")
    elif article.section:
        reasons.append(f"the first from {article.section}")
    if article.source and article.source.priority:
        rank = "ahead of" if article.source.priority > 0 else "behind"
        reasons.append(f"and {article.source.name} ranks {rank} other sources")
    return ", ".join(reasons) + "."


def _when(article: Article, now: datetime) -> str:
    if article.published_at is None:
        return f"Undated, first seen {_age(now - article.first_seen_at)}"
    return f"Published {_age(now - article.published_at)}"


def _age(age: timedelta) -> str:
    hours = max(0, int(age / timedelta(hours=1)))
    if hours < 1:
        return "within the hour"
    if hours < 24:
        return "an hour ago" if hours == 1 else f"{hours} hours ago"
    return "a day ago" if hours < 48 else f"{hours // 24} days ago"


def _lead_first(picks: list[Pick]) -> list[Pick]:
    lead = next((found for found in picks if found.large_picture), picks[0] if picks else None)
    if lead is None:
        return []
    because = (
        "It leads: the highest placed with a large picture."
        if lead.large_picture
        else "It leads: the highest placed, as none has a large picture."
    )
    first = Pick(lead.article, f"{because} {lead.why}", lead.large_picture)
    return [first, *(found for found in picks if found is not lead)]


def roles(count: int) -> list[StoryRole]:
    """Return how each of `count` stories is set: a lead, two to four stories, then briefs.

    About half of what follows the lead is set as stories. A brief alone becomes a story.
    """
    rest = max(count - 1, 0)
    stories = min(rest, max(STORIES_AT_LEAST, min(STORIES_AT_MOST, rest // 2)))
    briefs = rest - stories
    if briefs == 1:
        stories, briefs = stories + 1, 0
    lead = [StoryRole.LEAD] * min(count, 1)
    return [*lead, *[StoryRole.STORY] * stories, *[StoryRole.BRIEF] * briefs]
