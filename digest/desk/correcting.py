"""Correcting an issue after its freeze: its words, the bytes for who has not got it, the log."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from digest.delivery.ledger.freezing import freeze_again
from digest.desk.audit import Actor, record
from digest.models import Issue, NoticeKind
from digest.newsroom.issues.approving import waits_for_second_person
from digest.newsroom.issues.correcting import correct_words, told_to_readers
from digest.newsroom.issues.history import Editor, Outcome
from digest.telling import tell_editors


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

    Where a second person is asked for, the other editors are told that it waits for them.

    Raises:
        FieldError: a text is too long, or `words` say nothing.
        RefusedError: it is not paused, nor sent; somebody else corrected it meanwhile; there is no
            such story in it; or it cannot be rendered so.
    """
    outcome = correct_words(session, issue, texts, stories, by, now, version=version)
    if not outcome.fields:
        return outcome
    told = told_to_readers(words)
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
    record(
        session,
        who,
        "issue correct",
        Issue.__tablename__,
        issue.id,
        newsletter_id=issue.newsletter_id,
        now=now,
        fields=outcome.fields,
        values={"words": told, "edition": made.edition},
    )
    waits = waits_for_second_person(session, issue)
    if waits is not None:
        # One mail, however often it is corrected before somebody sends it on.
        once = f"{NoticeKind.CORRECTION_WAITS}:{issue.id}:{waits}"
        kind = NoticeKind.CORRECTION_WAITS
        tell_editors(session, issue, kind, now, once=once, but=by.user_id)
    return outcome
