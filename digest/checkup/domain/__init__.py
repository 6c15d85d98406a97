"""The check-up of one domain behind `digest doctor DOMAIN`: what the DNS says to receivers.

It asks the DNS and our own web address, and changes nothing. Every finding names its rule; the
rules, and when each was read, are in `digest.checkup.domain.rules`.
"""
