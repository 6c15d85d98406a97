"""Real servers for tests: PostgreSQL, Redis, HTTP and SMTP, each on loopback or a Unix socket."""
