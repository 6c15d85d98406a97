"""`/preferences/<token>`: what a reader gets, and chooses; with a fresh link, control of it all.

The token in the address, which only the mail holds, is the proof of who it is about. What shows
or changes the address needs a session besides (`control`): mails are forwarded.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session

from digest import prose
from digest.errors import FieldError
from digest.models import Newsletter, Subscription
from digest.prose import at_start
from digest.readers.consent import words_shown
from digest.readers.consent.words_shown import words_shown as words
from digest.readers.preferences.address_change import ask_for_change
from digest.readers.preferences.choices import (
    Choices,
    look_at_preferences,
    period_of_newsletter,
    session_of,
)
from digest.readers.preferences.choosing import (
    choose_language,
    choose_topics,
    join,
    topics_to_choose,
)
from digest.readers.preferences.farewells import WORDS as REASONS
from digest.readers.preferences.fresh_links import ask_by_link, close_sessions
from digest.readers.preferences.leaving import leave
from digest.readers.preferences.pausing import BREAK_WORDS, Break, break_until, pause, resume
from digest.readers.preferences.standing import find_period, look_at_standing, newest_period
from digest.readers.signing_up.sign_up_form import InvalidSignUpError, SignUpForm
from digest.readers.signing_up.submitting import sign_up
from digest.readers.signing_up.typed_address import TypedAddress
from digest.runtime import SEND_NOTICES
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.masthead import masthead_of
from digest.web.paging import Page, page_of
from digest.web.sign_ups import read_address, told_in_form
from digest.web.site.coming import what_comes, when_it_comes
from digest.web.site.reader_session import (
    page_proof,
    proof_is_good,
    session_secret,
    take_cookie,
)
from digest.web.site.tokens import evidence_here, token_id
from digest.web.words import all_the, hour_of_day, language_name, the

FORM = "preferences"
SAME = "That is how it was. Nothing has changed."
STALE = FieldError("page", "This page was open for a long time. Press the button once more")
NOT_OPEN = FieldError("page", "That needs a fresh link. Have one mailed to you, below")

# What a reader gets, on one page.
A_PAGE = 20

preferences_pages = Blueprint("preferences", __name__)


@dataclass(frozen=True)
class Done:
    """What came of a button: a sentence for the top of the page, an address to show in it."""

    sentence: str
    address: str = ""


@preferences_pages.get("/preferences/<token>")
def show(token: str) -> Response:
    """Show what the reader gets; their address only to who came by a fresh link."""
    return _page(token, token_id(Purpose.PREFERENCES, token))


@preferences_pages.post("/preferences/<token>")
def act(token: str) -> Response:
    """Choose topics, a language, a pause; join, leave; with a fresh link, a new address."""
    runtime = current_runtime()
    own, now = token_id(Purpose.PREFERENCES, token), runtime.clock.now()
    action = ACTIONS.get(request.form.get("action", ""))
    if action is None:
        abort(400)
    if not proof_is_good(own, now):
        return _page(token, own, errors=(STALE,), status=400)
    try:
        with runtime.database.transaction() as session:
            period = find_period(session, own)
            done = action(session, period, now) if period else None
    except InvalidSignUpError as invalid:
        return _page(token, own, errors=invalid.errors, status=422)
    except FieldError as error:
        return _page(token, own, errors=(error,), status=403 if error is NOT_OPEN else 422)
    if request.form["action"] in RINGS:
        runtime.bell.ring(SEND_NOTICES)
    if request.form["action"] == "close":
        response = make_response(redirect(url_for("preferences.show", token=token), 303))
        take_cookie(response)
        return response
    return _page(token, own, done)


def _save(session: Session, own: Subscription, now: datetime) -> Done | None:
    period = _asked_for(session, own)
    if period is None or period.ended_at is not None:
        return None
    evidence, form = evidence_here(FORM), request.form
    said = []
    if choose_topics(session, period, form.getlist("topic"), evidence, now=now):
        said.append(_topics_now(period))
    if "language" in form and choose_language(session, period, form["language"], evidence, now=now):
        said.append(f"Your language is now {language_name(form['language'])}.")
    if _take_a_break(session, period, form.get("pause", "keep"), now):
        [coming] = what_comes(session, [look_at_standing(session, period.token_id, now=now)], now)
        again = "" if coming.paused_until else f"{at_start(the(period.newsletter))} starts again. "
        said.append(again + coming.sentence)
    return Done(" ".join(said) or SAME)


def _topics_now(period: Subscription) -> str:
    names, of = topics_to_choose(period), the(period.newsletter)
    chosen = [names[slug] for slug in period.topics]
    return (
        f"Your topics in {of} are now {prose.all_of(chosen)}."
        if chosen
        else f"You have no topics in {of} now."
    )


def _take_a_break(session: Session, period: Subscription, chosen: str, now: datetime) -> bool:
    if chosen == "keep":
        return False
    evidence = evidence_here(FORM)
    if chosen == "resume":
        wording = words(session, words_shown.RESUME, now)
        return resume(session, period.token_id, evidence, now=now, wording=wording).changed
    if chosen not in BREAK_WORDS:
        abort(400)
    choice = Break(chosen)
    until = break_until(choice, request.form.get("until", ""), period.newsletter, now)
    wording = words(session, BREAK_WORDS[choice], now)
    return pause(session, period.token_id, evidence, now=now, until=until, wording=wording).changed


def _leave(session: Session, own: Subscription, now: datetime) -> Done | None:
    period = _asked_for(session, own)
    if period is None:
        return None
    wording = words(session, words_shown.LEAVE, now)
    standing = leave(session, period.token_id, evidence_here(FORM), now=now, wording=wording)
    name = the(period.newsletter)
    return Done(f"You have left {name}." if standing.changed else f"You had left {name} already.")


def _asked_for(session: Session, own: Subscription) -> Subscription | None:
    """Return the newest period of the newsletter that the form names, if the reader had it."""
    found = period_of_newsletter(session, own.token_id, request.form.get("newsletter", ""))
    period = find_period(session, found) if found else None
    return newest_period(session, period.subscriber_id, period.newsletter_id) if period else None


def _join(session: Session, own: Subscription, now: datetime) -> Done | None:
    """Start newsletters: at once in a session, else by a confirmation, for mails are forwarded."""
    reader = own.subscriber
    if reader.email is None:
        return None
    form = SignUpForm(
        email=reader.email,
        # It was asked for, and confirmed.
        sure=reader.email,
        reserved=replace(current_runtime().settings.reserved_names, for_tries=True),
        newsletters=tuple(request.form.getlist("newsletter")),
        consent=request.form.get("consent") == "yes",
        wording=request.form.get("wording", ""),
        site=masthead_of(current_app).get().site_host,
        evidence=evidence_here(FORM),
    )
    if session_of(session, own, session_secret(), now=now):
        joined = join(session, reader, form, now=now)
        started = [session.get_one(Newsletter, each.id) for each in joined]
        comes = [when_it_comes(session, each, now).sentence for each in started]
        return Done(" ".join([f"You are in: from now on you get {all_the(joined)}.", *comes]))
    runtime = current_runtime()
    asked = sign_up(
        session.connection(),
        form,
        now=now,
        suppression=runtime.suppression,
        relay=runtime.settings.relay.name,
    )
    names = all_the(asked.newsletters)
    return Done(f"Now check your email. Press the button in it to start {names}.")


def _mail_fresh_link(session: Session, own: Subscription, now: datetime) -> Done:
    again_from = ask_by_link(session, own.subscriber, now=now)
    if again_from is not None:
        return Done(
            "You have had three links today, and we send no more. Look for them in your inbox and "
            f"in spam. You can have another from {hour_of_day(again_from, own.newsletter)}."
        )
    return Done(
        "Now check your email. The link in it works for 30 minutes, once. We send at most three a "
        "day."
    )


def _change_address(session: Session, own: Subscription, now: datetime) -> Done:
    if not session_of(session, own, session_secret(), now=now):
        raise NOT_OPEN
    runtime = current_runtime()
    email = ask_for_change(
        session,
        own.subscriber,
        read_address(),
        own.newsletter_id,
        now=now,
        suppression=runtime.suppression,
        relay=runtime.settings.relay.name,
    )
    return Done(
        "Now check your email there. Until you press the button in it, nothing changes.", email
    )


def _close(session: Session, own: Subscription, now: datetime) -> Done:
    opened = session_of(session, own, session_secret(), now=now)
    if opened is not None:
        close_sessions(session, opened.subscriber, now=now)
    # What is shown after it is the page as it then is.
    return Done("")


ACTIONS: dict[str, Callable[[Session, Subscription, datetime], Done | None]] = {
    "save": _save,
    "leave": _leave,
    "join": _join,
    "fresh": _mail_fresh_link,
    "address": _change_address,
    "close": _close,
}
RINGS = frozenset({"join", "fresh", "address"})


def _page(
    token: str,
    own: bytes,
    done: Done | None = None,
    *,
    errors: tuple[FieldError, ...] = (),
    status: int = 200,
) -> Response:
    runtime = current_runtime()
    now, changing = runtime.clock.now(), request.form.get("action") == "address"
    with runtime.database.reading() as session:
        preferences = look_at_preferences(session, own, session_secret(), now=now)
        choices = _page_of(preferences.choices)
        comes = what_comes(session, [each.standing for each in choices.rows], now)
    page = render_template(
        "site/preferences.html",
        preferences=preferences,
        page=choices,
        newsletter=choices.rows[0].standing.newsletter if choices.rows else None,
        token=token,
        proof=page_proof(own, now),
        done=done,
        comes={each.newsletter.id: each for each in comes},
        **told_in_form(errors),
        typed=request.form,
        address=read_address() if errors and changing else TypedAddress(),
        breaks=BREAK_WORDS,
        words=words_shown,
        reasons=REASONS,
        token_for=_token_for,
        now=now,
    )
    return make_response(page, status)


def _page_of(choices: tuple[Choices, ...]) -> Page[Choices]:
    page = page_of(lambda most, first: choices[first : first + most], A_PAGE)
    return page if page.rows else Page(1, choices[:A_PAGE], len(choices) > A_PAGE)


def _token_for(purpose: str, period: bytes) -> str:
    return current_runtime().ring.sign(Purpose[purpose.upper()], period)
