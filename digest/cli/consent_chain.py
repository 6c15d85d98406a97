"""`digest consent verify|head|export`."""

from digest.cli.chains import chain_commands
from digest.readers.consent.chain import CONSENTS

verify, head, export = chain_commands(CONSENTS)
