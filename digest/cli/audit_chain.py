"""`digest audit verify|head|export`."""

from digest.cli.chains import chain_commands
from digest.desk.audit_chain import AUDIT

verify, head, export = chain_commands(AUDIT)
