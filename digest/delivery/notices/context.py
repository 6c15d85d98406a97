"""What the notices of a window are about, read for all of them at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from digest import prose
from digest.addresses import wire_address
from digest.delivery.notices import statements
from digest.delivery.rendering.issue import Start, masthead
from digest.delivery.rendering.notice import Notepaper
from digest.delivery.signing.signatory import Signatory
from digest.models import (
    AddressChange,
    Newsletter,
    NoticeKind,
    Publication,
    Subscription,
    User,
    UserLink,
)

if TYPE_CHECKING:
    from digest.delivery.signing.signer import SigningKey


class Waiting(NamedTuple):
    """A claimed notice. `asked_by`: the id that the link of its sign-up speaks for."""

    id: int
    kind: NoticeKind
    to_address: str | None
    token_id: bytes
    newsletter_id: int
    subscriber_id: int | None
    sign_up_id: int | None
    issue_id: int | None
    attempts: int
    created_at: datetime
    released_at: datetime
    now: datetime
    asked_by: bytes | None
    is_confirmed: bool

    @property
    def age(self) -> float:
        """How many seconds ago it was released, by the database's clock."""
        return (self.now - self.released_at).total_seconds()

    @property
    def is_of_new_address(self) -> bool:
        """Tell a confirmation of a reader's new address from that of a sign-up."""
        of_reader = self.sign_up_id is None and self.subscriber_id is not None
        return self.kind is NoticeKind.CONFIRMATION and of_reader


class Context:
    """Reads a kind of thing for the whole window, when the first notice of it asks."""

    def __init__(
        self,
        session: Session,
        notices: Sequence[Waiting],
        public_url: str,
        signatory: Signatory | None = None,
    ) -> None:
        self.session = session
        self._signatory = signatory
        self._notices = notices
        self._public_url = public_url
        self._papers: dict[int, Notepaper] = {}

    def newsletter(self, newsletter_id: int) -> Newsletter:
        """Return a newsletter that a notice is of, or that a sign-up asks for."""
        return self._newsletters[newsletter_id][0]

    def notepaper(self, newsletter_id: int) -> Notepaper:
        """Return what all notices of a newsletter share.

        Raises:
            AddressError: its own address is none.
        """
        if newsletter_id not in self._papers:
            newsletter, publication = self._newsletters[newsletter_id]
            assert publication is not None
            self._papers[newsletter_id] = Notepaper.of(
                masthead(publication, newsletter, self._public_url),
                newsletter.from_name,
                wire_address(newsletter.from_address),
            )
        return self._papers[newsletter_id]

    def keys(self, from_address: str) -> tuple["SigningKey", ...]:
        """Return the keys that sign mail from an address.

        Raises:
            SigningError: one of them cannot be opened.
        """
        signatory = self._signatory
        return () if signatory is None else signatory.keys_for(self.session, from_address)

    def starts(self, sign_up_id: int) -> tuple[Start, ...]:
        """Return what a sign-up would start, in the order of the newsletters' ids."""
        return tuple(
            self._start(self.newsletter(newsletter_id), topics)
            for newsletter_id, topics in self._choices[sign_up_id]
        )

    def last_token(self, subscriber_id: int | None, newsletter_id: int) -> bytes | None:
        """Return the id that the links of a reader's last period of a newsletter speak for."""
        return self._periods.get((subscriber_id, newsletter_id))

    @cached_property
    def asked_changes(self) -> set[bytes]:
        """The token ids of the changes of address that are still asked for."""
        return self._tokens(AddressChange.token_id)

    @cached_property
    def open_links(self) -> set[bytes]:
        """The token ids of users' links that still open something."""
        usable = UserLink.user.has(User.disabled_at.is_(None)) & UserLink.spent_at.is_(None)
        return self._tokens(UserLink.token_id, usable)

    @cached_property
    def _newsletters(self) -> dict[int, tuple[Newsletter, Publication | None]]:
        wanted = {each.newsletter_id for each in self._notices}
        wanted.update(asked for those in self._choices.values() for asked, _ in those)
        statement = statements.papers(statements.has_arrays(self.session))
        found = self.session.execute(statement, {"ids": sorted(wanted)})
        return {newsletter.id: (newsletter, publication) for newsletter, publication in found}

    @cached_property
    def _choices(self) -> dict[int, list[tuple[int, list[str]]]]:
        sign_ups = [each.sign_up_id for each in self._notices if each.sign_up_id is not None]
        found: defaultdict[int, list[tuple[int, list[str]]]] = defaultdict(list)
        if sign_ups:
            statement = statements.choosing(statements.has_arrays(self.session))
            for sign_up_id, *choice in statements.run(self.session, statement, ids=sign_ups):
                found[sign_up_id].append((choice[0], choice[1]))
        return found

    @cached_property
    def _periods(self) -> dict[tuple[int | None, int], bytes]:
        readers = {each.subscriber_id for each in self._notices if each.subscriber_id is not None}
        found = self.session.execute(
            select(Subscription.subscriber_id, Subscription.newsletter_id, Subscription.token_id)
            .where(self._among(Subscription.subscriber_id))
            .order_by(Subscription.started_at),
            {"those": sorted(readers)},
        )
        return {(reader, newsletter): token_id for reader, newsletter, token_id in found}

    def _start(self, newsletter: Newsletter, topics: Iterable[str]) -> Start:
        return Start(
            newsletter.name,
            prose.arrival_in_words(newsletter.weekday, newsletter.local_time),
            tuple(newsletter.topics[slug] for slug in topics if slug in newsletter.topics),
        )

    def _tokens(
        self, column: InstrumentedAttribute[bytes], *conditions: ColumnElement[bool]
    ) -> set[bytes]:
        ours = [each.token_id for each in self._notices]
        statement = select(column).where(self._among(column), *conditions)
        return set(self.session.scalars(statement, {"those": ours}))

    def _among(self, column: InstrumentedAttribute[object]) -> ColumnElement[bool]:
        return statements.among(column, "those", statements.has_arrays(self.session))
