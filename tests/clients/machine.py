"""What the clients run on: a Debian of their own, an IMAP server, a terminal, the mails."""

import imaplib
import mailbox
from collections.abc import Sequence
from pathlib import Path

from tests.clients.mails import Mail
from tests.debian import Debian, Listening
from tests.servers.run import Run

# Ignored by git, and kept from one run to the next.
FOLDER = Path(__file__).parent.parent.parent / ".clients"
READER = "robin"
PASSWORD = "harbour"  # of a server on loopback that lives for a minute
MBOX = f"/home/{READER}/mbox"

DOVECOT = """\
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = /dev/stderr
base_dir = /run/dovecot-clients
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={reader} gid={reader} home=/home/{reader}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


def prepare(debian: Debian, packages: Sequence[str]) -> None:
    """Have these packages in the Debian, and the reader as a user.

    Raises:
        CannotRunError: why they cannot be had.
    """
    debian.install(packages)
    if not (debian.folder / "home" / READER).exists():
        debian.run("useradd", "--create-home", READER)


def put_into_mbox(debian: Debian, mails: Sequence[Mail]) -> str:
    """Write the mails as a file that programs in there can open; return its path there."""
    file = debian.folder / MBOX.lstrip("/")
    file.unlink(missing_ok=True)
    box = mailbox.mbox(file)
    for mail in mails:
        box.add(mail.content.replace(b"\r\n", b"\n"))
    box.close()
    debian.run("chown", f"{READER}:", MBOX)
    return MBOX


class Dovecot(Listening):
    """IMAP on loopback, with one reader whose mailbox is new."""

    def __init__(self, run: Run, debian: Debian) -> None:
        super().__init__(run, debian, "dovecot")
        # With what one left that was killed: the next would take it for running.
        stale = [f"/home/{READER}/Maildir", "/run/dovecot-clients"]
        debian.run("rm", "--recursive", "--force", *stale)
        settings = DOVECOT.format(password=PASSWORD, reader=READER, port=self.port)
        debian.write("/etc/dovecot/clients.conf", settings)

    def command(self) -> list[str]:
        return self.debian.command("dovecot", "-F", "-c", "/etc/dovecot/clients.conf")

    def deliver(self, mails: Sequence[Mail]) -> None:
        """Put mails into the reader's inbox, as new ones."""
        with imaplib.IMAP4("127.0.0.1", self.port) as imap:
            imap.login(READER, PASSWORD)
            for mail in mails:
                said, words = imap.append("INBOX", "", "", mail.content)
                assert said == "OK", words
