"""Finding a newsletter, and what its publisher said of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.errors import NotFoundError
from digest.models import Approval, InDoubtPolicy, Newsletter


@dataclass(frozen=True)
class NewsletterValues:
    """All that a publisher says about a newsletter; named as the columns are.

    `languages` are those that it comes in beside `language`; `topics` are the names of those that
    readers may choose from, by slug. `editor_portrait` is the hash of a stored picture. `from_name`
    is "<first name> at <publication>" where it is empty. `source_ids` and `sections` are what feeds
    it, all where there are none; None among the sources is what has no source.
    """

    slug: str
    name: str
    promise: str
    editor_name: str
    editor_email: str
    from_address: str
    postal_address: str
    weekday: int
    local_time: time
    zone: str
    accent: str = "#006B5E"
    language: str = "en"
    languages: Sequence[str] = ()
    topics: Mapping[str, str] = dataclasses.field(default_factory=dict)
    editor_portrait: str | None = None
    from_name: str = ""
    reply_to: str | None = None
    compose_hours: int = 24
    close_hours: int = 1
    approval: Approval = Approval.AUTOMATIC
    story_count: int = 8
    story_min: int = 3
    story_max_age_days: int = 14
    source_ids: Sequence[int | None] = ()
    sections: Sequence[str] = ()
    briefs_heading: str = "Also on my desk"
    in_doubt_policy: InDoubtPolicy = InDoubtPolicy.HOLD
    count_clicks: bool = False


def values_of(newsletter: Newsletter) -> NewsletterValues:
    """Return what a newsletter says now, to be changed by `dataclasses.replace`."""
    return NewsletterValues(
        **{field.name: getattr(newsletter, field.name) for field in fields(NewsletterValues)}
    )


def find_newsletter(session: Session, slug: str) -> Newsletter:
    """Return a newsletter by its slug.

    Raises:
        NotFoundError: with the slugs that there are.
    """
    found = session.scalar(select(Newsletter).where(Newsletter.slug == slug))
    if found is not None:
        return found
    slugs = session.scalars(select(Newsletter.slug).order_by(Newsletter.slug)).all()
    known = f"There are: {', '.join(slugs)}." if slugs else "There are none yet."
    raise NotFoundError(f"There is no newsletter called {slug[:80]}. {known}")
