"""The page that answers a sign-up: rendered once for many readers, and filled in for each.

To render it took a fifth of a sign-up's time. All that decides how it looks is its key, so that
what is kept is never old; what is a reader's own stands in slots.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from flask import current_app, render_template, request
from markupsafe import escape

from digest.models import Newsletter
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import AskedFor, SignUpForm
from digest.readers.signing_up.submitting import Asked
from digest.web.assets import palette_stamp
from digest.web.guarding.form_tokens import kept_token
from digest.web.masthead import Masthead, masthead_of
from digest.web.security import framed

KEPT = 64
# Nobody can send it to us: a reader's words are never taken for a slot.
MARK = f"slot-{secrets.token_hex(16)}-"
SLOT = re.compile(rf"{MARK}(\w+)-")


@dataclass(frozen=True)
class _Look:
    """All that decides how the page looks, but for the words in its slots."""

    asked: tuple[AskedFor, ...]
    slugs: tuple[str, ...]
    topics: tuple[str, ...]
    slots: tuple[str, ...]
    here: str
    paper: Masthead
    root_path: str
    in_frame: bool
    scheme: str | None
    accent: tuple[str, str, str] | None
    newsletter: Newsletter | None = field(compare=False)


def asked_page(
    asked: Asked,
    form: SignUpForm,
    here: str,
    *,
    sent: int,
    withdrawals: Sequence[str],
    page: str | None = None,
    newsletter: Newsletter | None = None,
) -> str:
    """Return the page: byte for byte what the template makes of the same.

    `sent`: when the mail was sent, in seconds of Unix; `here` takes the form again; `page`: on
    which page of another site the form stood; `newsletter`: whose frame this is.
    """
    values = _filled(asked, form, sent, withdrawals, page)
    in_frame = framed()
    look = _Look(
        asked.newsletters,
        form.newsletters,
        form.topics,
        tuple(values),
        here,
        masthead_of(current_app).get(),
        request.root_path,
        in_frame,
        request.args.get("scheme") if in_frame else None,
        (newsletter.slug, newsletter.language, palette_stamp(newsletter)) if newsletter else None,
        newsletter,
    )
    words, slots = _rendered(look)
    filled = [str(escape(values[slot])) for slot in slots]
    return "".join(part for pair in zip(words, [*filled, ""], strict=True) for part in pair)


def _filled(
    asked: Asked, form: SignUpForm, sent: int, withdrawals: Sequence[str], page: str | None
) -> dict[str, str]:
    """Return the words by their slots; the page has none for what is empty."""
    values = {
        "to": asked.email,
        "email": form.email,
        "name": form.name,
        "form": form.evidence.form,
        "sure": form.sure,
        "wording": form.wording,
        "token": kept_token(),
        "page": page,
        "sent": str(sent),
    }
    values |= {f"withdrawal{number}": each for number, each in enumerate(withdrawals)}
    return {name: value for name, value in values.items() if value}


@lru_cache(maxsize=KEPT)
def _rendered(look: _Look) -> tuple[Sequence[str], Sequence[str]]:
    """Return the pieces of the page, and the names of the slots between them."""
    marks = {name: f"{MARK}{name}-" for name in look.slots}
    form = SignUpForm(
        email=marks.get("email", ""),
        sure=marks.get("sure", ""),
        newsletters=look.slugs,
        topics=look.topics,
        name=marks.get("name", ""),
        wording=marks.get("wording", ""),
        evidence=Evidence(form=marks.get("form")),
    )
    rendered = render_asked(
        Asked(marks["to"], look.asked, b""),
        form,
        look.here,
        sent=marks["sent"],
        withdrawals=[mark for name, mark in marks.items() if name.startswith("withdrawal")],
        token=marks.get("token", ""),
        page=marks.get("page"),
        newsletter=look.newsletter,
    )
    pieces = SLOT.split(rendered)
    return pieces[::2], pieces[1::2]


def render_asked(
    asked: Asked,
    form: SignUpForm,
    here: str,
    *,
    withdrawals: Sequence[str],
    token: str,
    sent: str = "",
    again_from: datetime | None = None,
    page: str | None = None,
    newsletter: Newsletter | None = None,
) -> str:
    """Return what the template makes of these; `again_from`: when one more mail can be sent."""
    return render_template(
        "site/asked.html",
        asked=asked,
        form=form,
        here=here,
        sent=sent,
        again_from=again_from,
        withdrawals=withdrawals,
        token=token,
        page=page,
        **({"newsletter": newsletter} if newsletter else {}),
    )
