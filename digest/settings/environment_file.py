"""An environment file, read as systemd reads it (systemd.exec, EnvironmentFile=).

Only where `DIGEST_ENV_FILE` names one; what the environment has already wins. None is found by
itself, so that nobody works on another installation than they think.
"""

import os
import re
import stat
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from digest.errors import SettingError
from digest.ownership import why_unreadable

NAMED_BY = "DIGEST_ENV_FILE"
# Where the guide puts it.
USUAL = Path("/etc/digest/environment")
LARGEST = 256 * 1024
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def add_environment_file(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add what the file that `DIGEST_ENV_FILE` names says, where the environment says nothing.

    Raises:
        SettingError: it cannot be read, others can read it, or a line of it is no assignment.
    """
    named = environment.get(NAMED_BY, "").strip()
    if not named:
        return
    given = {name for name, value in environment.items() if value.strip()}
    for name, value in read_environment_file(Path(named)).items():
        # What the environment says of X speaks of X_FILE as well, and the other way round.
        twin = name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
        if name not in given and twin not in given:
            environment[name] = value


def read_environment_file(path: Path) -> dict[str, str]:
    """Return the variables of an environment file.

    Raises:
        SettingError: as `add_environment_file`.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LARGEST + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"{NAMED_BY}: {path} cannot be read: {why_unreadable(path, error)}"
        ) from None
    if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
        raise SettingError(
            f"{NAMED_BY}: others on this machine can read {path}, and secrets are in it. Run: "
            f"chmod o= {path}"
        )
    if len(content) > LARGEST:
        raise SettingError(f"{NAMED_BY}: {path} is larger than any environment file")
    found = {}
    for line, name, value in _assignments(text):
        if not NAME.fullmatch(name) or "\0" in value:
            raise SettingError(f"{NAMED_BY}: line {line} of {path} should be NAME=value")
        found[name] = value
    return found


def _assignments(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the number of the line, the name and the value of each assignment."""
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        head = text[at:end].strip()
        if not head or head[0] in "#;":
            at, line = end + 1, line + 1
            continue
        equals = text.find("=", at, end)
        if equals < 0:
            yield line, "", ""
            return
        name = text[at:equals].strip()
        value, at = _value(text, equals + 1)
        yield line, name, value
        line += text.count("\n", equals, at)


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value that begins there, and where the next line does."""
    said: list[str] = []
    blanks = ""
    while at < len(text) and text[at] != "\n":
        char = text[at]
        if char in "'\"":
            quoted, at = _quoted(text, at)
            said.append(blanks + quoted)
            blanks = ""
        elif char == "\\":
            following = text[at + 1 : at + 2]
            if following != "\n":
                said.append(blanks + following)
                blanks = ""
            at += 2
        elif char in " \t\r":
            # Kept inside a value, not at its ends.
            blanks += char if said else ""
            at += 1
        else:
            said.append(blanks + char)
            blanks = ""
            at += 1
    return "".join(said), at + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    mark, said = text[at], []
    at += 1
    while at < len(text) and text[at] != mark:
        if mark == '"' and text[at] == "\\" and text[at + 1 : at + 2] in {*'"\\`$\n'}:
            at += 1
            if text[at] != "\n":
                said.append(text[at])
        else:
            said.append(text[at])
        at += 1
    return "".join(said), at + 1
