"""Digest: the newsletter service that a publisher runs itself."""
