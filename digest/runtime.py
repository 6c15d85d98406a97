"""The composition root: one object holding what every verb needs, opened once per process."""

import gc
import hmac
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import configure_mappers

from digest import home
from digest.clock import Clock, SystemClock
from digest.database.transactions import Database
from digest.doorbell import (
    ASK_PAGES,
    BULK,
    DELIVER_ISSUE,
    FEEDS,
    FETCH_PICTURES,
    FETCH_SOURCE,
    FOLD_DELIVERIES,
    LET_GO,
    LOOK_AGAIN,
    NOTICES,
    PREPARE_ISSUE,
    SEND_NOTICES,
    TICK,
    Bell,
    CeleryBell,
    celery_app,
)
from digest.errors import SettingError
from digest.logs import get_logger
from digest.migrations import check_migrated
from digest.models import Installation, load_all
from digest.settings.loading import Settings
from digest.suppression import SuppressionKey
from digest.tokens import KeyRing

if TYPE_CHECKING:
    from digest.delivery.relay.pacing import Pace
    from digest.delivery.signing.signatory import Signatory
    from digest.vault import Vault

__all__ = [
    "ASK_PAGES",
    "BULK",
    "DELIVER_ISSUE",
    "FEEDS",
    "FETCH_PICTURES",
    "FETCH_SOURCE",
    "FOLD_DELIVERIES",
    "LET_GO",
    "LOOK_AGAIN",
    "NOTICES",
    "PREPARE_ISSUE",
    "SEND_NOTICES",
    "TICK",
    "Bell",
    "CeleryBell",
    "Runtime",
    "celery_app",
    "open_runtime",
    "share_with_children",
]

log = get_logger(__name__)


@dataclass
class Runtime:
    """What a web request, a command or a task works with. `stopping` is set to drain."""

    settings: Settings
    database: Database
    ring: KeyRing
    suppression: SuppressionKey
    bell: Bell
    clock: Clock = field(default_factory=SystemClock)
    stopping: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def pace(self) -> "Pace":
        """How fast mail may go: one for all threads of the process."""
        from digest.delivery.relay.pacing import open_pace

        return open_pace(self.settings)

    @cached_property
    def vault(self) -> "Vault":
        """What seals the secrets in the database."""
        from digest.vault import Vault

        return Vault(self.settings.keys)

    @cached_property
    def signatory(self) -> "Signatory":
        """What signs mail: one for all threads of the process."""
        from digest.delivery.signing.signatory import Signatory

        return Signatory(lambda: self.vault)

    def close(self) -> None:
        """Let go of the database's connections, and of Redis's."""
        if "pace" in vars(self):
            self.pace.close()
        self.database.dispose()


def share_with_children(settings: Settings) -> None:
    """Have ready, before a fork, what each child would else load for itself. Opens nothing.

    What is there then is not looked through for garbage any more: the pages stay shared.
    """
    load_all()
    configure_mappers()
    # Its dialect and its driver.
    Database(settings.database_url).dispose()
    gc.collect()
    gc.freeze()


def open_runtime(
    settings: Settings, *, clock: Clock | None = None, bell: Bell | None = None
) -> Runtime:
    """Connect the parts. Call it after any fork.

    Raises:
        NotMigratedError: says which command brings the database up to date.
        SettingError: DIGEST_SUPPRESSION_KEY is not the one that this database was made with.
        UnavailableError: the database does not answer.
    """
    database = Database(settings.database_url)
    runtime = Runtime(
        settings=settings,
        database=database,
        ring=KeyRing(settings.keys),
        suppression=SuppressionKey(settings.suppression_key),
        bell=bell or CeleryBell(settings),
        clock=clock or SystemClock(),
    )
    try:
        check_migrated(database)
        _check_suppression_key(runtime)
        _find_home(runtime)
    except BaseException:
        database.dispose()
        raise
    return runtime


def _check_suppression_key(runtime: Runtime) -> None:
    ours = runtime.suppression.fingerprint
    with runtime.database.reading() as session:
        known = session.scalar(select(Installation.suppression_fingerprint))
    if known is None:
        try:
            with runtime.database.transaction() as session:
                session.add(
                    Installation(id=1, suppression_fingerprint=ours, created_at=runtime.clock.now())
                )
        except IntegrityError:
            # Another process was first; its key has to be ours as well.
            return _check_suppression_key(runtime)
        return None
    if not hmac.compare_digest(known, ours):
        raise SettingError(
            "DIGEST_SUPPRESSION_KEY: is not the key that this database was made with. With "
            "another one, people who must not be mailed would be. Put the old key back."
        )
    return None


def _find_home(runtime: Runtime) -> None:
    found = home.settle(runtime.database, runtime.clock.now())
    if found.moved:
        log.warning(
            "this database was restored or copied: nothing is sent; see digest doctor",
            why=found.why,
        )
