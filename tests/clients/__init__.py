"""The demo's mails opened in real mail clients: `python -m tests.clients`, not part of CI."""
