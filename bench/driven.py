"""A version of Digest that does what it is told, in a process and on a database of its own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import bench
from bench.errors import BenchError
from bench.rig import Rig
from digest.settings.loading import new_secret

DRIVER = Path(bench.__file__).with_name("driver.py")


class Driven:
    """A driver that runs. `pid`: its process; `database_url`: its database."""

    def __init__(self, process: "subprocess.Popen[str]", database_url: str) -> None:
        self.pid = process.pid
        self.database_url = database_url
        assert process.stdin is not None
        assert process.stdout is not None
        self._questions: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout

    def ask(self, **what: Any) -> Any:
        """Have something done, as `driver` knows it, and return what came of it.

        Raises:
            BenchError: it has ended.
        """
        self._questions.write(json.dumps(what) + "\n")
        self._questions.flush()
        answer = self._answers.readline()
        if not answer:
            raise BenchError("A version of Digest has ended while it was being measured.")
        return json.loads(answer)


@contextmanager
def driven(rig: Rig, python: Path, **more: str) -> Iterator[Driven]:
    """Start the version that this Python has; `more`: what its environment says beside.

    Raises:
        BenchError: with the last words of the driver, where it has ended meanwhile.
    """
    url = rig.postgres.create_database()
    environment = {
        "DATABASE_URL": url,
        "REDIS_URL": rig.own_broker(),
        "SMTP_URL": "smtp://127.0.0.1:1",
        "DIGEST_PUBLIC_URL": "http://127.0.0.1:8000",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        **more,
    }
    log = rig.folder() / "driver.log"
    with (
        log.open("w") as said,
        subprocess.Popen(
            # By its path, and not from here: each has the Digest of its own environment.
            [python, "-P", DRIVER],
            cwd=log.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield Driven(process, url)
        except BenchError as error:
            raise BenchError(f"{error} {log.read_text()[-2000:]}") from error
        finally:
            process.kill()
            process.wait()
            rig.postgres.drop(url)
