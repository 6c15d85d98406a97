"""`digest issue correct|confirm`: a mistake that was seen after the freeze."""

import click

from digest.cli.acting import Acting, acting_options, override_option, record_override
from digest.cli.arguments import typed_wrongly
from digest.cli.issue_editing import WHICH_STORY, text_options, texts_given
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.delivery.ledger.reporting import Report
from digest.delivery.ledger.reporting import report as report_issue
from digest.desk.correcting import confirm_correction, correct_issue, drop_correction
from digest.models import DeliveryState, IssueState


@click.command()
@issue_argument
@click.option(
    "--words", required=True, help="What was wrong, in a sentence for readers of the archive."
)
@text_options
@click.option("--version", type=int, help="The version you looked at: nothing newer is corrected.")
@acting_options
@json_option
def correct(
    name: IssueName,
    words: str,
    article_id: int | None,
    version: int | None,
    acting: Acting,
    as_json: bool,
    **texts: str | None,
) -> None:
    """Correct an issue that is paused on its way, or has gone out.

    Whoever has got it keeps what they have. All others get the corrected one, and so does the
    archive, with a line that has the date and your words. A newsletter's name alone means its last
    issue that went.
    """
    of_issue, of_story = texts_given(texts)
    if of_story and article_id is None:
        raise click.UsageError(WHICH_STORY)
    if not (of_issue or of_story):
        raise click.UsageError("Say what to correct, as in --subject or --note.")
    stories = {article_id: of_story} if article_id is not None and of_story else {}
    with runtime() as opened, typed_wrongly():
        settings = opened.settings
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now(), sent=True)
            actor, by = acting.begin(session, found.newsletter)
            outcome = correct_issue(
                session,
                found,
                words,
                of_issue,
                stories,
                actor,
                by,
                opened.clock.now(),
                version=version,
                public_url=settings.public_url,
                inbound_domain=settings.inbound_domain,
            )
            called = short_name(found)
            told = report_issue(session, found)
        if as_json:
            print_json(
                {
                    "issue": called,
                    "id": told.issue_id,
                    "state": told.state,
                    "version": outcome.version,
                    "fields": outcome.fields,
                    "accepted": told.accepted,
                    "to_go": told.to_go,
                }
            )
            return
        click.echo(outcome.sentence)
        if outcome.fields:
            click.echo(_who_gets_which(told, called))


@click.command()
@issue_argument
@click.option("--drop", is_flag=True, help="Drop it instead: nothing is changed.")
@acting_options
@override_option
def confirm(name: IssueName, drop: bool, acting: Acting, override: str | None) -> None:
    """Confirm a correction that waits for a second person; the archive shows it from then on.

    It waits where its newsletter asks for a second person, and the issue has gone out. Who has made
    it cannot confirm it: say who you are, --as USER.
    """
    acting.refuse_as_user(override)
    if drop and override is not None:
        raise click.UsageError("Anybody may drop it: leave --override out.")
    with runtime() as opened, typed_wrongly():
        now, settings = opened.clock.now(), opened.settings
        with opened.database.transaction() as session:
            found = find_issue(session, name, now, sent=True)
            actor, by = acting.begin(session, found.newsletter)
            if drop:
                drop_correction(session, found, actor, now)
                said = "It is dropped. Nothing was changed."
            else:
                said = confirm_correction(
                    session,
                    found,
                    actor,
                    by,
                    now,
                    override=override,
                    public_url=settings.public_url,
                    inbound_domain=settings.inbound_domain,
                ).sentence
            if override is not None:
                record_override(session, actor, found, now, override)
        click.echo(said)


def _who_gets_which(told: Report, called: str) -> str:
    on_the_wire = told.counts[DeliveryState.SENDING]
    waiting = told.to_go - on_the_wire
    had = f"{told.accepted:,} had it already"
    if on_the_wire:
        had += f", and {on_the_wire:,} on the wire"
    on = f": digest issue resume {called}" if told.state is IssueState.PAUSED else "."
    return f"{had}. {waiting:,} get{'s' if waiting == 1 else ''} the corrected one{on}"
