"""What is checked of an issue's words: its subject, and the placeholders that were left in."""

from collections.abc import Iterator

from digest import prose
from digest.models import Issue, Story
from digest.newsroom.issues.editing import TEXTS
from digest.newsroom.issues.history import ISSUE_TEXTS
from digest.preflight.findings import Finding, named, story_place
from digest.preflight.placeholders import certain_placeholder, likely_placeholder

LONGEST_EXCERPT = 40


def no_subject(issue: Issue, rendered: str | None) -> Iterator[Finding]:
    """Tell where an issue would go out without one. `rendered`: the mail's, which may be the lead's
    headline; None where there is no mail yet.
    """
    if not (rendered or issue.subject or "").strip():
        sentence = "There is no subject. Write one."
        yield Finding("no subject", sentence, "subject", blocks=True)


def repeated_subject(subject: str, earlier: str | None) -> Iterator[Finding]:
    """Tell where an `earlier` issue of the newsletter had the same subject."""
    if earlier is not None:
        sentence = f"The subject is that of {earlier}. Write another one."
        yield Finding("repeated subject", sentence, "subject", detail=subject)


def placeholders(issue: Issue) -> Iterator[Finding]:
    """Tell each text in which a placeholder was left."""
    language = issue.newsletter.language
    for what in ISSUE_TEXTS:
        field = TEXTS[what]
        text = getattr(issue, field.column) or ""
        found = certain_placeholder(text) or likely_placeholder(text, language)
        if found:
            sentence = f"The {field.name} still has {_shown(found)}. Replace it, or take it out."
            yield Finding("placeholder", sentence, what.value, blocks=True)
    for story in issue.stories:
        yield from _of_story(story, language)


def _of_story(story: Story, language: str) -> Iterator[Finding]:
    article = story.article
    texts = (
        ("headline", story.title, article.title),
        ("standfirst", story.blurb, article.standfirst),
        ("section label", story.section, article.section),
    )
    for name, typed, own in texts:
        text = typed or own or ""
        certain = certain_placeholder(text)
        found = certain or likely_placeholder(text, language)
        if not found:
            continue
        by_editor = typed is not None and typed != own
        change = "Change it under Edit, or drop the story."
        sentence = f"The {name} of {named(story)} still has {_shown(found)}. {change}"
        blocks = by_editor or certain is not None
        if not blocks:
            sentence = f"The {name} of {named(story)} has {_shown(found)}. Is it meant? {change}"
        yield Finding("placeholder", sentence, story_place(story), blocks=blocks, detail=text)


def _shown(found: str) -> str:
    return f"“{prose.cut(' '.join(found.split()), LONGEST_EXCERPT)}”"
