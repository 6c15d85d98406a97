"""Correcting an issue after its freeze: its words, the bytes for who has not got it, the log.

Of an issue that has gone out only the archive is corrected. Where its newsletter asks for a second
person, such a correction waits until one confirms it: nothing is changed before.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from digest.delivery.ledger.freezing import freeze_again
from digest.desk.audit import Actor, record_issue
from digest.errors import RefusedError
from digest.models import Approval, Issue, IssueState, NoticeKind, WaitingCorrection
from digest.newsroom.issues.approving import (
    cleaned_override,
    note_approval,
    waits_for_second_person,
)
from digest.newsroom.issues.correcting import correct_words, told_to_readers
from digest.newsroom.issues.history import Editor, Outcome, lock
from digest.newsroom.issues.moving import called
from digest.telling import tell_editors

WAITS = (
    "It waits for a second person: the archive shows it once somebody else has confirmed it "
    "(digest issue confirm)."
)


def correct_issue(
    session: Session,
    issue: Issue,
    words: str,
    texts: Mapping[str, str],
    stories: Mapping[int, Mapping[str, str]],
    who: Actor,
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
    public_url: str,
    inbound_domain: str | None,
) -> Outcome:
    """Correct a paused issue, or one that has gone out; nothing is sent by it.

    `words` tell readers of the archive what was wrong. `texts` are the issue's, `stories` those of
    stories by their article's id. Whoever is sent it from now on gets the corrected one; whoever
    has it keeps it.

    Where a second person is asked for, the other editors are told that it waits for them: to send
    on what is paused; to confirm what has gone out, of which nothing is changed before (`WAITS`).

    Raises:
        FieldError: a text is too long, or `words` say nothing.
        RefusedError: it is not paused, nor sent; somebody else corrected it meanwhile; there is no
            such story in it; or it cannot be rendered so.
    """
    # Whoever else corrects it, or confirms, waits for us.
    lock(session, issue, [issue.state])
    other = session.get(WaitingCorrection, issue.id)
    if other is not None and (other.user_id, other.by) != (by.user_id, by.name):
        raise RefusedError(
            f"{other.by} has corrected it already, and that waits for a second person. Confirm it, "
            "or drop it, first."
        )
    wanted = WaitingCorrection(
        issue_id=issue.id,
        at=now,
        user_id=by.user_id,
        by=by.name,
        version=issue.version if version is None else version,
        words=words,
        texts=dict(texts),
        stories={str(article_id): dict(of) for article_id, of in stories.items()},
    )
    settings = (public_url, inbound_domain)
    if not asks_to_confirm(issue):
        outcome = _apply(session, issue, wanted, who, now, *settings)
        if outcome.fields:
            _drop(session, other)
            _tell_who_sends_on(session, issue, by, now)
        return outcome
    with session.begin_nested() as tried:
        outcome = _apply(session, issue, wanted, who, now, *settings)
        tried.rollback()
    if not outcome.fields:
        return outcome
    _drop(session, other)
    wanted.words = told_to_readers(words)
    session.add(wanted)
    record_issue(session, who, "issue correct (waits)", issue, now=now, fields=outcome.fields)
    # Of one that is made anew before it is settled they have been told.
    if other is None:
        kind = NoticeKind.CORRECTION_WAITS
        once = f"{kind}:{issue.id}:{now.isoformat()}"
        tell_editors(session, issue, kind, now, once=once, but=by.user_id)
    return Outcome(issue.version, (), WAITS)


def asks_to_confirm(issue: Issue) -> bool:
    """Tell whether a correction of an issue is a second person's to confirm: it sends nothing."""
    asked = issue.newsletter.approval is Approval.SECOND_PERSON
    return asked and issue.state is IssueState.SENT


def waiting_correction(session: Session, issue: Issue) -> WaitingCorrection | None:
    """Return the correction of an issue that waits to be confirmed."""
    return session.get(WaitingCorrection, issue.id)


def mark_of(waiting: WaitingCorrection) -> str:
    """Return what tells a correction that waits from another that was made since."""
    content = [waiting.user_id, waiting.by, waiting.words, waiting.texts, waiting.stories]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def confirm_correction(
    session: Session,
    issue: Issue,
    who: Actor,
    by: Editor,
    now: datetime,
    *,
    seen: str | None = None,
    override: str | None = None,
    public_url: str,
    inbound_domain: str | None,
) -> Outcome:
    """Make a correction that waits, as the second person; `override`: as for `approve`.

    `seen`: the `mark_of` the one that they looked at; None: the one that waits now.

    Raises:
        FieldError: `override` says nothing, or too much.
        RefusedError: none waits; it needs somebody else; or the issue was corrected meanwhile.
    """
    waiting = _waiting(session, issue)
    beside = ""
    if override is not None:
        beside = f" without a second person. The reason: {cleaned_override(override)}"
    elif by.user_id is None:
        raise RefusedError(
            "It needs a second person: a user of the desk who has not made the correction (--as "
            "USER). Whoever runs the server can go past that (--override REASON)."
        )
    elif by.user_id == waiting.user_id:
        raise RefusedError(
            f"{by.name} has made the correction. It needs a second person: somebody who has not "
            "has to confirm it."
        )
    if seen is not None and seen != mark_of(waiting):
        raise RefusedError("It was corrected otherwise since you looked. Look at it, then confirm.")
    outcome = _apply(session, issue, waiting, who, now, public_url, inbound_domain)
    note_approval(session, issue, by.name, now, user_id=by.user_id, beside=beside)
    _drop(session, waiting)
    return outcome


def drop_correction(session: Session, issue: Issue, who: Actor, now: datetime) -> None:
    """Drop a correction that waits; the log has that.

    Raises:
        RefusedError: none waits.
    """
    _drop(session, _waiting(session, issue))
    record_issue(session, who, "issue correct (dropped)", issue, now=now)


def _waiting(session: Session, issue: Issue) -> WaitingCorrection:
    lock(session, issue, [issue.state])
    found = session.get(WaitingCorrection, issue.id)
    if found is None:
        raise RefusedError(f"No correction of {called(issue)} waits to be confirmed.")
    return found


def _apply(
    session: Session,
    issue: Issue,
    wanted: WaitingCorrection,
    who: Actor,
    now: datetime,
    public_url: str,
    inbound_domain: str | None,
) -> Outcome:
    by = Editor(wanted.by, wanted.user_id)
    stories = {int(article_id): of for article_id, of in wanted.stories.items()}
    outcome = correct_words(session, issue, wanted.texts, stories, by, now, version=wanted.version)
    if not outcome.fields:
        return outcome
    told = told_to_readers(wanted.words)
    made = freeze_again(
        session,
        issue,
        told,
        by.name,
        user_id=by.user_id,
        now=now,
        public_url=public_url,
        inbound_domain=inbound_domain,
    )
    values = {"words": told, "edition": made.edition}
    fields = outcome.fields
    record_issue(session, who, "issue correct", issue, now=now, fields=fields, values=values)
    return outcome


def _drop(session: Session, waiting: WaitingCorrection | None) -> None:
    if waiting is not None:
        session.delete(waiting)
        session.flush()


def _tell_who_sends_on(session: Session, issue: Issue, by: Editor, now: datetime) -> None:
    waits = waits_for_second_person(session, issue)
    if waits is not None:
        # One mail, however often it is corrected before somebody sends it on.
        kind = NoticeKind.CORRECTION_WAITS
        once = f"{kind}:{issue.id}:{waits}"
        tell_editors(session, issue, kind, now, once=once, but=by.user_id)
