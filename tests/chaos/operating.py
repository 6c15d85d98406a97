"""What an operator does in mid-send by command: pause and resume, and bring back a backup."""

import os
import subprocess
import time
from typing import ClassVar

import psycopg
from sqlalchemy import make_url

from tests.chaos.company import POOL, Company
from tests.chaos.faults import Fault
from tests.chaos.installation import LEASE_SECONDS, WINDOW
from tests.chaos.scene import Scene, wait_until
from tests.servers.postgresql import libpq_url

COMMAND_SECONDS = 120
# Until whatever was on the wire has an answer, or is given up.
QUIET_SECONDS = LEASE_SECONDS + 1.0


def operate(company: Company, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `digest` command to its end, whatever that is."""
    return subprocess.run(
        ["digest", *arguments],
        env=company.environment,
        cwd=company.folder,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


class PauseAndResume(Fault):
    name = "pause and resume"
    shortest, longest = 0.5, 2.0

    def strike(self, scene: Scene) -> None:
        with scene.installation.relay.slow():
            paused = operate(scene.installation.company, "issue", "pause", str(scene.issue_id))
        self.paused = paused.returncode == 0
        self.copies = scene.copies()
        if not self.paused:
            scene.note(f"not paused: {paused.stderr.strip()}")

    def heal(self, scene: Scene) -> None:
        super().heal(scene)
        more = scene.copies() - self.copies
        if self.paused and more > POOL * WINDOW:
            scene.complain(f"{more} messages left after the pause")
        if not wait_until(lambda: not self.paused or self._resumed(scene), COMMAND_SECONDS):
            scene.complain("it could not be resumed")

    def _resumed(self, scene: Scene) -> bool:
        if scene.issue_state() not in ("paused", None):
            # Given up meanwhile, after a restore.
            return True
        # The database may be away just now.
        resumed = operate(scene.installation.company, "issue", "resume", str(scene.issue_id))
        return resumed.returncode == 0


class Restore(Fault):
    """A dump is taken in mid-send, and the send goes on; then the dump is brought back.

    The database that comes back believes that many are still to get what they have got. It must
    send nothing by itself; here the operator accepts it and gives the issue up.
    """

    name = "restore of an older dump"
    shortest, longest = 0.6, 1.2
    dump: ClassVar[str] = "older.dump"

    def strike(self, scene: Scene) -> None:
        self.dumped_at = time.monotonic()
        self.taken = self._postgres(scene, "pg_dump", "--format=custom", "--file", self.dump)
        self.copies = scene.copies()

    def heal(self, scene: Scene) -> None:
        postgres = scene.installation.postgres
        if not postgres.is_running:
            postgres.start()
        super().heal(scene)
        if not self.taken:
            scene.note("there is no dump to bring back")
            return
        self._bring_back(scene)
        scene.forgotten = (self.dumped_at, time.monotonic())
        time.sleep(QUIET_SECONDS)
        scene.note(f"brought back, and {scene.copies() - self.copies} got it since the dump")
        mails = scene.mails()
        time.sleep(QUIET_SECONDS)
        if (more := scene.mails() - mails) > 0:
            scene.complain(f"{more} messages left from a database that was brought back")
        self._must(scene, "doctor", "--accept-restore")
        # All may have been sent before the dump was made.
        if not scene.is_over:
            self._must(scene, "issue", "cancel", str(scene.issue_id))

    def _must(self, scene: Scene, *words: str) -> None:
        done = operate(scene.installation.company, *words)
        if done.returncode != 0:
            scene.complain(f"digest {' '.join(words)}: {done.stdout} {done.stderr}")

    def _bring_back(self, scene: Scene) -> None:
        """Restore beside the old database, and put the new one in its place."""
        server, url = scene.installation.postgres, scene.installation.url
        old, new = make_url(url).database, make_url(server.create_database()).database
        assert self._postgres(scene, "pg_restore", "--no-owner", self.dump, database=new)
        with psycopg.connect(libpq_url(server.url), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{old}" ALLOW_CONNECTIONS false'.encode())
            connection.execute(
                b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [old]
            )
            connection.execute(f'DROP DATABASE "{old}" WITH (FORCE)'.encode())
            connection.execute(f'ALTER DATABASE "{new}" RENAME TO "{old}"'.encode())

    def _postgres(
        self, scene: Scene, program: str, *arguments: str, database: str | None = None
    ) -> bool:
        installation = scene.installation
        url = make_url(libpq_url(installation.url))
        target = url.set(database=database) if database else url
        done = subprocess.run(
            [
                installation.postgres.program(program),
                f"--dbname={target.render_as_string(hide_password=False)}",
                *arguments,
            ],
            cwd=installation.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(installation.folder)},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            scene.note(f"{program}: {done.stderr.strip()}")
        return done.returncode == 0
