"""SQLite: the file that the database is, and the witness beside it.

The inode tells a copy, and a file that was put in this one's place. Copying a backup *over* the
file keeps it, so there is a witness, a small file beside the database: it names itself, and holds
the mark that the database had when something was last sent. A database that is behind its witness
has gone back in time. Written after the commit, the witness may lag and never leads.

The device's number is recorded, and does not count by itself: some file systems get another one
with each start of the machine, while inode and witness stay.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, event, select, update
from sqlalchemy.orm import Session

from digest.logs import get_logger
from digest.models import Home

SUFFIX = ".home"
# Always as long, so that it is overwritten in one piece.
MARK_DIGITS = 20

log = get_logger(__name__)


@dataclass(frozen=True)
class Witness:
    """The file beside the database."""

    name: str
    mark: int

    @classmethod
    def beside(cls, path: Path) -> "Witness | None":
        """Read the witness of the database at `path`; None where there is none that can be read."""
        try:
            name, mark = witness_of(path).read_text("ascii").split()
            return cls(name, int(mark))
        except (OSError, ValueError):
            return None

    def to_bytes(self) -> bytes:
        return f"{self.name} {self.mark:0{MARK_DIGITS}d}\n".encode("ascii")


def change(session: Session, identity: str, mark: int) -> str | None:
    """Say what differs from the recorded home; None where the database lives here."""
    path = _path(session)
    if path is None:
        return None
    known = dict(part.partition("=")[::2] for part in identity.split(";"))
    try:
        inode = path.stat().st_ino
    except OSError:
        return "its file is gone"
    if known.get("inode") != str(inode):
        return "it lived in another file"
    witness = Witness.beside(path)
    if witness is None or known.get("witness") != witness.name:
        return f"the file {witness_of(path).name}, which belongs beside it, is not there"
    # Asked again, in a transaction that begins after the witness was read: another process may
    # have raised both since ours began.
    if mark < witness.mark and _mark_by_now(session) < witness.mark:
        return "an older state of it was put back into its file"
    return None


def settle(session: Session) -> tuple[str, int]:
    """Return the identity and the mark to record. The witness stays; a new one is made first."""
    path = _path(session)
    if path is None:
        return "memory", 0
    witness = Witness.beside(path) or _make_witness(path)
    found = path.stat()
    return f"device={found.st_dev};inode={found.st_ino};witness={witness.name}", witness.mark


def raise_mark(session: Session, home_id: ColumnElement[int]) -> None:
    """Raise the mark; the witness's when this is committed."""
    path = _path(session)
    mark = session.execute(
        update(Home)
        .where(Home.id == home_id)
        .values(mark=Home.mark + 1)
        .returning(Home.mark)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if path is not None and mark is not None:
        event.listen(session, "after_commit", lambda _: _write_mark(path, mark), once=True)


def witness_of(path: Path) -> Path:
    """Return where the witness of a database is."""
    return path.with_name(path.name + SUFFIX)


def _write_mark(path: Path, mark: int) -> None:
    known = Witness.beside(path)
    if known is None or known.mark >= mark:
        return
    try:
        # Within the file: nothing is lost by a kill, and what a power cut loses only lags.
        with witness_of(path).open("r+b") as witness:
            witness.write(Witness(known.name, mark).to_bytes())
    except OSError as error:
        log.warning("the file beside the database cannot be written", error=repr(error))


def _make_witness(path: Path) -> Witness:
    witness = Witness(secrets.token_hex(16), 0)
    new = path.with_name(f"{path.name}.{witness.name}{SUFFIX}")
    with new.open("xb") as written:
        written.write(witness.to_bytes())
        written.flush()
        os.fsync(written.fileno())
    # As SQLite does for its own files: root, who repairs something, must not lock out the owner.
    with suppress(OSError):
        owner = path.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
        new.chmod(owner.st_mode & 0o777)
    try:
        # Of two that make one at the same moment the first one's stays.
        os.link(new, witness_of(path))
    except OSError:
        if Witness.beside(path) is None:
            # What is there cannot be read, or the file system has no links.
            new.replace(witness_of(path))
    new.unlink(missing_ok=True)
    return Witness.beside(path) or witness


def _mark_by_now(session: Session) -> int:
    engine = session.connection().engine
    with engine.connect().execution_options(digest_writes=False) as connection:
        newest = select(Home.mark).order_by(Home.id.desc()).limit(1)
        return connection.execute(newest).scalar_one_or_none() or 0


def _path(session: Session) -> Path | None:
    name = session.connection().engine.url.database
    return Path(name) if name and name != ":memory:" else None
