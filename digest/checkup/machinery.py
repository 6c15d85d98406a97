"""What Digest depends on: the database, the broker, the relay; and whether its workers live."""

import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url, select, text

from digest.checkup.finding import SECONDS_AT_MOST, Finding, failure, fine, in_words, warning
from digest.clock import Clock
from digest.database.postgresql import is_pooled
from digest.database.tables import Base, database_now
from digest.database.transactions import Database
from digest.delivery.relay.connecting import connect_to_relay
from digest.delivery.relay.connection import RelayDown, RelayTrouble, Stage
from digest.errors import NotMigratedError, RightsError, UnavailableError, WrongEncodingError
from digest.migrations import check_migrated
from digest.models import Heartbeat, Installation, load_all
from digest.settings.loading import LOOPBACK_NAMES, Settings
from digest.suppression import SuppressionKey

SKEW_AT_MOST = timedelta(seconds=5)
SKEW_UNBEARABLE = timedelta(minutes=1)
TICK_LATE = timedelta(minutes=3)
# Below the bound of a whole check, so that what the relay or broker did is told in words.
WAIT_SECONDS = SECONDS_AT_MOST - 1

UPGRADE = "Run: digest db upgrade"
OWNER_REMEDY = (
    "Its role must own the database and all of its tables. Bring a backup back into a database "
    "made by createdb --owner, without pg_restore's --no-owner."
)
MAY_MAKE_TABLES = text(
    "SELECT has_schema_privilege(current_schema(), 'CREATE'), "
    "format('GRANT CREATE ON SCHEMA %I TO %I', current_schema(), current_user)"
)
OTHERS_TABLES = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
    "AND relname = ANY(:ours) AND NOT pg_has_role(relowner, 'USAGE') ORDER BY relname"
)
RELAY_REMEDIES = {
    Stage.CONNECT: "Is SMTP_URL right, and does the relay run? Until it answers, mail waits.",
    Stage.STARTTLS: "Use the relay's port for TLS (smtps://), or mend its certificate.",
    Stage.AUTH: "Are the user and the password in SMTP_URL right? Special characters in them "
    "are written as %40 for @, %2F for / and so on.",
}


def database_is_there(settings: Settings) -> Finding | None:
    """Return a failure where there is no SQLite file: opening it would make an empty one."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return failure(
            "database",
            f"There is no database in {Path(url.database or '').parent} yet.",
            f"{UPGRADE} (`digest run` does it by itself.)",
        )
    return None


def look_at_database(database: Database, settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Return whether the database answers, has our tables and our key, and knows the time."""
    try:
        check_migrated(database)
    except UnavailableError as error:
        yield failure(
            "database",
            f"It cannot be used: {in_words(error)}",
            "Is DATABASE_URL right, and does the database run? Nobody can sign up or leave "
            "until it answers.",
        )
        return
    except WrongEncodingError as error:
        found, _, remedy = str(error).partition(" Make a new one: ")
        yield failure("database", found, f"Make a new one, and restore into it: {remedy}")
        return
    except RightsError as error:
        yield failure("database", f"It cannot be used: {in_words(error)}", OWNER_REMEDY)
        return
    except NotMigratedError as error:
        yield failure("database", str(error).partition(" Run:")[0], UPGRADE)
        return
    yield fine("database", "It answers, and its tables are those of this version.")
    with database.reading() as session:
        known = session.get(Installation, 1)
        before = clock.now()
        theirs = session.execute(select(database_now())).scalar_one()
        ours = before + (clock.now() - before) / 2
    yield _suppression_key(known, SuppressionKey(settings.suppression_key))
    if not database.is_sqlite:
        yield _clocks(ours - theirs.astimezone(UTC))
        yield from _rights(database)
        yield from _pooler(database)


def _rights(database: Database) -> Iterator[Finding]:
    """Look whether an issue's table can be made, and taken away again when its time is over."""
    load_all()
    with database.reading() as session:
        makes, grant = session.execute(MAY_MAKE_TABLES).one()
        foreign = session.scalars(OTHERS_TABLES, {"ours": list(Base.metadata.tables)}).all()
    if not makes:
        yield failure(
            "rights",
            "Digest's role may not make tables, and each issue gets one when it is frozen: none "
            "can be sent.",
            f"As PostgreSQL's own user, in this database: {grant}",
        )
    if foreign:
        yield failure("rights", f"Not Digest's role's own: {', '.join(foreign)}.", OWNER_REMEDY)


def _pooler(database: Database) -> Iterator[Finding]:
    with database.connection() as connection:
        pooled = is_pooled(connection.connection.driver_connection)
    if pooled:
        yield warning(
            "pooler",
            "A pooler stands between Digest and PostgreSQL, so no statement is kept prepared.",
            "It works, and costs about a third of the speed of a send. Digest holds few "
            "connections, by a pool of its own: let DATABASE_URL name PostgreSQL itself.",
        )


def _suppression_key(known: Installation | None, ours: SuppressionKey) -> Finding:
    if known is None:
        return fine("suppression key", "The database will remember it from the first start on.")
    if hmac.compare_digest(known.suppression_fingerprint, ours.fingerprint):
        return fine("suppression key", "It is the one that this database was made with.")
    return failure(
        "suppression key",
        "DIGEST_SUPPRESSION_KEY is not the key that this database was made with. With another "
        "one, people who must not be mailed would be, so Digest refuses to start.",
        "Put the old key back. A database that was restored needs the key of its time.",
    )


def _clocks(ahead: timedelta) -> Finding:
    seconds = ahead.total_seconds()
    if abs(ahead) <= SKEW_AT_MOST:
        return fine("clocks", "This machine and the database agree on the time.")
    found = (
        f"This machine's clock is {abs(seconds):.0f} seconds "
        f"{'ahead of' if seconds > 0 else 'behind'} the database's."
    )
    remedy = "Set both by NTP: issues go out by this machine's clock, retries by the database's."
    judge = failure if abs(ahead) > SKEW_UNBEARABLE else warning
    return judge("clocks", found, remedy)


def look_at_broker(settings: Settings) -> Iterator[Finding]:
    """Return whether Redis answers."""
    if settings.embedded:
        yield fine("broker", "It is within the one process, so there is nothing to look at.")
        return
    # Late: one process for all has no Redis.
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(
            settings.redis_url, socket_connect_timeout=WAIT_SECONDS, socket_timeout=WAIT_SECONDS
        ) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        # The URL holds a password; the host does not.
        host = urlsplit(settings.redis_url).hostname
        yield failure(
            "broker",
            f"Redis at {host} does not take our connection: {str(error).strip().rstrip('.')}.",
            "Is REDIS_URL right, and does Redis run? Readers can sign up and leave; mail waits.",
        )
        return
    yield fine("broker", "Redis answers.")


def look_at_relay(settings: Settings) -> Iterator[Finding]:
    """Open a session with the relay, say EHLO and who we are, and hang up. No mail is sent."""
    address = settings.relay
    impatient = replace(settings, smtp_timeout=min(settings.smtp_timeout, WAIT_SECONDS))
    try:
        with connect_to_relay(impatient):
            pass
    except RelayTrouble as trouble:
        other = (
            "Try again in a few minutes; if it stays so, ask whoever runs the relay."
            if isinstance(trouble, RelayDown)
            else "Ask whoever runs the relay."
        )
        yield failure("relay", str(trouble), RELAY_REMEDIES.get(trouble.stage, other))
        return
    known = "and knows us" if address.username else "and wants no password"
    if address.security == "none" and address.host not in LOOPBACK_NAMES:
        yield warning(
            "relay",
            f"The relay {address.host}:{address.port} answers {known}, but mail goes to it in the "
            "clear.",
            "Where it is not within a network of your own, use smtp+starttls:// or smtps:// in "
            "SMTP_URL.",
        )
        return
    yield fine("relay", f"The relay {address.host}:{address.port} answers, {known}.")


def look_at_beat(database: Database, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Return whether the calendar is being looked at."""
    with database.reading() as session:
        last = session.get(Heartbeat, "tick")
    start = "Start `digest run`." if settings.embedded else "Start the process notices."
    if last is None:
        yield warning("beat", "Nothing has looked at the calendar yet.", start)
        return
    ago = now - last.at
    if ago > max(TICK_LATE, 3 * timedelta(seconds=settings.tick_seconds)):
        yield failure(
            "beat",
            f"Nothing has looked at the calendar since {last.at:%d %B %Y, %H:%M} UTC: no issue "
            "is composed or sent.",
            start,
        )
        return
    yield fine("beat", "The calendar is looked at.")
