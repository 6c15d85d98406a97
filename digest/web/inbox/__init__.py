"""The demo's inbox: an SMTP server on loopback, and pages to read what it got. Demo only."""

from digest.web.inbox.mailbox import InboxMail, Mailbox
from digest.web.inbox.pages import inbox_pages
from digest.web.inbox.server import InboxServer

__all__ = ["InboxMail", "InboxServer", "Mailbox", "inbox_pages"]
