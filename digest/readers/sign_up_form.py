"""What comes in with a sign-up form, and what it means once it has been checked."""

import re
import unicodedata
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import Address, AddressError, parse_address
from digest.errors import FieldError, RefusedError
from digest.models import Newsletter, Wording
from digest.readers.consent import Evidence

NAME_LONGEST = 200
MOST_CHOICES = 20
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")

# Something that a mail program would turn into a link: a scheme, www., or word.tld.
_LINK = re.compile(r"://|\bwww\.|\bmailto:|[\w-]{2,}\.(?:[a-z]{2,}|[A-Z]{2,})\b|@")
# Control characters, line and paragraph separators, and what turns the text after it round.
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class SignUpForm:
    """A form as it was sent: every field is a stranger's text.

    `wording` is the public number of the words that the form showed; `website` is the honeypot,
    which people do not see; `site` is the host that the reader signed up at.
    """

    email: str = ""
    newsletters: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    name: str = ""
    consent: bool = False
    wording: str = ""
    website: str = ""
    site: str = ""
    evidence: Evidence = field(default_factory=Evidence)


class InvalidSignUpError(RefusedError):
    """The form cannot be accepted as it is; `errors` holds all that is wrong, in its order."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(" ".join(f"{error.sentence}." for error in errors))
        self.errors = errors

    def again(self, form: SignUpForm) -> SignUpForm:
        """Return the form as it is to be shown again."""
        if any(error.field == "wording" for error in self.errors):
            # The words have changed since: what was ticked was not what stands there now.
            return replace(form, consent=False)
        return form


@dataclass(frozen=True)
class Wish:
    """A sign-up form that was understood."""

    address: Address
    newsletters: tuple[Newsletter, ...]
    topics: tuple[str, ...]
    name: str | None
    wording: Wording


def understand(session: Session, form: SignUpForm) -> Wish:
    """Check every field of the form.

    Raises:
        InvalidSignUpError: with one sentence for each field that is wrong.
    """
    errors: list[FieldError] = []
    newsletters = _newsletters(session, form.newsletters, errors)
    _check_topics(form.topics, errors)
    address = _address(form.email, errors)
    name = _name(form.name, errors)
    wording = _wording(session, form, errors)
    if errors or address is None or wording is None:
        raise InvalidSignUpError(tuple(errors))
    return Wish(address, newsletters, tuple(dict.fromkeys(form.topics)), name, wording)


def _newsletters(
    session: Session, slugs: tuple[str, ...], errors: list[FieldError]
) -> tuple[Newsletter, ...]:
    asked = tuple(dict.fromkeys(slugs))
    if not asked:
        errors.append(FieldError("newsletter", "Choose at least one newsletter"))
        return ()
    known: dict[str, Newsletter] = {}
    if len(asked) <= MOST_CHOICES and all(SLUG.fullmatch(slug) for slug in asked):
        statement = select(Newsletter).where(
            Newsletter.slug.in_(asked), Newsletter.retired_at.is_(None)
        )
        known = {newsletter.slug: newsletter for newsletter in session.scalars(statement)}
    if len(known) != len(asked):
        sentence = "We do not have that newsletter. Choose one from this page"
        errors.append(FieldError("newsletter", sentence))
        return ()
    return tuple(known[slug] for slug in asked)


def _check_topics(topics: tuple[str, ...], errors: list[FieldError]) -> None:
    if len(topics) > MOST_CHOICES or not all(SLUG.fullmatch(topic) for topic in topics):
        errors.append(FieldError("topic", "We do not have that topic. Choose one from this page"))


def _address(text: str, errors: list[FieldError]) -> Address | None:
    try:
        return parse_address(text)
    except AddressError as error:
        errors.append(FieldError("email", str(error)))
        return None


def _name(text: str, errors: list[FieldError]) -> str | None:
    name = text.strip(" ")
    if len(name) > NAME_LONGEST:
        errors.append(FieldError("name", f"Names are at most {NAME_LONGEST} characters"))
        return None
    unfit = any(unicodedata.category(letter) in _UNFIT or letter in _BIDI for letter in name)
    if unfit or _LINK.search(name):
        errors.append(FieldError("name", "Enter a name without links or line breaks"))
        return None
    return name or None


def _wording(session: Session, form: SignUpForm, errors: list[FieldError]) -> Wording | None:
    wording = None
    if re.fullmatch(r"[0-9]{1,9}", form.wording):
        wording = session.scalar(select(Wording).where(Wording.number == int(form.wording)))
    if not form.consent:
        errors.append(FieldError("consent", "Tick the box to agree to the terms"))
    if wording is None:
        sentence = "This page was open for a long time. Press the button once more"
        errors.append(FieldError("wording", sentence))
    return wording
