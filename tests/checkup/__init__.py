"""The check-ups."""
