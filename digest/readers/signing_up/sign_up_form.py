"""What comes in with a sign-up form, and what it means once it has been checked."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from digest.addresses import Address
from digest.errors import FieldError, RefusedError
from digest.models import Newsletter, Wording
from digest.prose import ended
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.typed_address import TypedAddress, unwritable

NAME_LONGEST = 200
MOST_CHOICES = 20
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")

# Something that a mail program would turn into a link: a scheme, www., or word.tld.
_LINK = re.compile(r"://|\bwww\.|\bmailto:|[\w-]{2,}\.(?:[a-z]{2,}|[A-Z]{2,})\b|@")
# Control characters, line and paragraph separators, and what turns the text after it round.
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class SignUpForm(TypedAddress):
    """A form as it was sent: every field is a stranger's text.

    `wording` is the public number of the words that the form showed; `website` is the honeypot,
    which people do not see; `site` is the host that the reader signed up at.
    """

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
        super().__init__(" ".join(ended(error.sentence) for error in errors))
        self.errors = errors

    def again(self, form: SignUpForm) -> SignUpForm:
        """Return the form as it is to be shown again."""
        if any(error.field == "wording" for error in self.errors):
            # The words have changed since: what was ticked was not what stands there now.
            return replace(form, consent=False)
        return form


@dataclass(frozen=True)
class AskedFor:
    """A newsletter, as far as a sign-up needs to know it."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True)
class Words:
    """The wording that the form showed, as far as a sign-up needs to know it."""

    id: int
    terms_id: int


@dataclass(frozen=True)
class Offer:
    """What there is of what the form names: newsletters by slug, and the wording.

    `relay_offers`: what the relay was last seen to offer; None where it is not known, or matters
    nothing to this form.
    """

    newsletters: Mapping[str, AskedFor]
    words: Words | None
    relay_offers: Sequence[str] | None = None


@dataclass(frozen=True)
class Wish:
    """A sign-up form that was understood."""

    address: Address
    newsletters: tuple[AskedFor, ...]
    topics: tuple[str, ...]
    name: str | None
    words: Words


def understand(form: SignUpForm, offer: Offer) -> Wish:
    """Check every field of the form.

    Raises:
        InvalidSignUpError: with one sentence for each field that is wrong.
    """
    errors: list[FieldError] = []
    newsletters = _newsletters(form.newsletters, offer, errors)
    _check_topics(form.topics, errors)
    address = _address(form, offer, errors)
    name = _name(form.name, errors)
    _check_consent(form, offer, errors)
    if errors or address is None or offer.words is None:
        raise InvalidSignUpError(tuple(errors))
    return Wish(address, newsletters, tuple(dict.fromkeys(form.topics)), name, offer.words)


def _address(form: SignUpForm, offer: Offer, errors: list[FieldError]) -> Address | None:
    try:
        address = form.checked()
    except FieldError as wrong:
        errors.append(wrong)
        return None
    if cannot := unwritable(address, offer.relay_offers):
        errors.append(cannot)
    return address


def slugs_in(form: SignUpForm) -> tuple[str, ...]:
    """Return the slugs that the form names, each once; none where one of them cannot be one."""
    asked = tuple(dict.fromkeys(form.newsletters))
    if len(asked) > MOST_CHOICES or not all(SLUG.fullmatch(slug) for slug in asked):
        return ()
    return asked


def wording_in(form: SignUpForm) -> int | None:
    """Return the number of the wording that the form showed."""
    return int(form.wording) if re.fullmatch(r"[0-9]{1,9}", form.wording) else None


def read_offer(connection: Connection, form: SignUpForm) -> Offer:
    """Look up what the form names."""
    newsletters = select(Newsletter.id, Newsletter.slug, Newsletter.name).where(
        Newsletter.slug.in_(slugs_in(form)), Newsletter.retired_at.is_(None)
    )
    wording = select(Wording.id, Wording.terms_id).where(Wording.number == wording_in(form))
    words = connection.execute(wording).one_or_none()
    return Offer(
        {row.slug: AskedFor(*row) for row in connection.execute(newsletters)},
        Words(*words) if words else None,
    )


def _newsletters(
    slugs: tuple[str, ...], offer: Offer, errors: list[FieldError]
) -> tuple[AskedFor, ...]:
    asked = tuple(dict.fromkeys(slugs))
    if not asked:
        errors.append(FieldError("newsletter", "Choose at least one newsletter"))
        return ()
    if not all(slug in offer.newsletters for slug in asked):
        sentence = "We do not have that newsletter. Choose one from this page"
        errors.append(FieldError("newsletter", sentence))
        return ()
    return tuple(offer.newsletters[slug] for slug in asked)


def _check_topics(topics: tuple[str, ...], errors: list[FieldError]) -> None:
    if len(topics) > MOST_CHOICES or not all(SLUG.fullmatch(topic) for topic in topics):
        errors.append(FieldError("topic", "We do not have that topic. Choose one from this page"))


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


def _check_consent(form: SignUpForm, offer: Offer, errors: list[FieldError]) -> None:
    if not form.consent:
        errors.append(FieldError("consent", "Tick the box to agree to the terms"))
    if offer.words is None:
        sentence = "This page was open for a long time. Press the button once more"
        errors.append(FieldError("wording", sentence))
