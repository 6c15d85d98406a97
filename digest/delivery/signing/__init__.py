"""DKIM (RFC 6376): what a signature covers, and how it is written. Knows nothing of databases."""
