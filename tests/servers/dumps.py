"""Backups as an operator makes them, and puts them back: pg_dump, pg_restore, a copied file."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.servers import postgresql_programs as programs
from tests.servers.postgresql import libpq_url
from tests.servers.unavailable import unavailable


def dump(url: str, path: Path) -> None:
    """Write a backup of a database that is in use."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url))) as live, closing(sqlite3.connect(path)) as copy:
            live.backup(copy)
        return
    _run("pg_dump", "--format=custom", f"--file={path}", libpq_url(url))


def restore(path: Path, url: str) -> None:
    """Put a backup into a PostgreSQL database, in place of what is in it.

    Not by --clean, which stumbles over the key that a partition has from its table.
    """
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    _run("pg_restore", f"--dbname={libpq_url(url)}", str(path))


def file_of(url: str) -> Path:
    name = make_url(url).database
    assert name, f"names no file: {url}"
    return Path(name)


def _run(program: str, *arguments: str) -> None:
    directory = programs.find()
    if directory is None or not (directory / program).exists():
        unavailable(program, programs.HOW_TO_GET_IT)
    done = subprocess.run(
        [directory / program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
