"""Whose a file is, and why this user may not read one."""

import os
import pwd
from pathlib import Path


def hand_over(descriptor: int, folder: Path) -> None:
    """Give what root has just made in a folder to whom the folder belongs.

    As SQLite does with the files beside a database: a command that root ran must not lock out the
    user that Digest runs as. Any other user's files stay that user's.

    Raises:
        OSError: the folder is not there, or the disk knows no owners.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def why_unreadable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    """Say why a file could not be read; where this user may not, who that is and where it ends."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, PermissionError):
        above = path.absolute().parents
        shut = [each for each in above if not os.access(each, os.X_OK, effective_ids=True)]
        if shut:
            return f"the user {_our_name()} may not look into {shut[-1]}"
        return f"the user {_our_name()} may not read it"
    return error.strerror or str(error)


def _our_name() -> str:
    # Not getpass: what LOGNAME says is whoever became this user.
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
