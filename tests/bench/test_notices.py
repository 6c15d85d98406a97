"""What the measure of the notices stands on: those that wait, and the driver that sends them."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from bench.driven import DRIVER
from bench.measures.notices import COLUMNS, COUNTED, QUEUED, SECOND
from digest.settings.loading import new_secret
from tests.scripted_smtp import ScriptedRelay
from tests.servers.postgresql import libpq_url


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_its_driver_sends_all_that_it_queues(database_url: str, tmp_path: Path) -> None:
    with (
        ScriptedRelay() as relay,
        subprocess.Popen(
            [sys.executable, "-P", DRIVER],
            env={
                "DATABASE_URL": database_url,
                "DIGEST_PUBLIC_URL": "http://127.0.0.1:8000",
                "DIGEST_KEYS": f"k1:{new_secret()}",
                "DIGEST_SUPPRESSION_KEY": new_secret(),
                "DIGEST_DATA_DIR": str(tmp_path),
                "SMTP_URL": f"smtp://127.0.0.1:{relay.port}",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as driver,
        psycopg.connect(libpq_url(database_url), autocommit=True) as connection,
    ):
        assert driver.stdin is not None
        assert driver.stdout is not None
        print('{"open": true, "now": "2026-11-29T10:00:00+00:00"}', file=driver.stdin, flush=True)
        assert driver.stdout.readline() == "1\n"
        columns = connection.execute(COLUMNS).fetchone()
        assert columns is not None
        connection.execute(SECOND.format(columns=columns[0]))
        for statement in QUEUED:
            connection.execute(statement, {"first": 1, "last": 6})
        print('{"send": true}', file=driver.stdin, flush=True)
        told = json.loads(driver.stdout.readline())
        driver.stdin.close()
        assert told["accepted"] == 6
        assert told["seconds"] > 0
        assert connection.execute(COUNTED).fetchone() == (6,)
        subjects = Counter(str(each.message["Subject"]) for each in relay.messages)
    of_both = "Confirm your subscription to the Editor’s Digest and The Brief"
    assert sorted(subjects.values()) == [2, 2, 2]
    assert subjects[of_both] == 2
