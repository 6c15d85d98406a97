"""How the services start: what they load, which each of them holds for good, and what they say."""

import os
import subprocess
import sys

import pytest

from digest.settings.loading import new_secret

WEB = "import digest.web, digest.web.gunicorn, digest.web.prefork"
WORKER = "import worker.__main__; worker.app.app; worker.app._on_celeryd_init()"
# What draws, is typed into, migrates, or is for few who use the desk.
FOR_NOBODY = {"rich", "pygments", "prompt_toolkit", "alembic", "PIL"}
FOR_FEW = {"webauthn", "cryptography.hazmat.bindings._rust", "segno", "celery", "pydantic"}


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "DATABASE_URL": "postgresql://digest:secret@127.0.0.1:5432/digest",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment, **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("service", "without"), [(WEB, FOR_NOBODY | FOR_FEW), (WORKER, FOR_NOBODY)]
)
def test_a_service_does_not_hold_what_few_use(service: str, without: set[str]) -> None:
    done = run("-c", f"{service}; import sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "sqlalchemy" in loaded
    assert not loaded & without


def test_a_worker_without_its_settings_says_which_in_one_sentence() -> None:
    done = run("-m", "worker", "notices", DIGEST_KEYS="")
    assert done.returncode == 1
    assert done.stderr.startswith("digest: DIGEST_KEYS ")
    assert done.stderr.count("\n") == 1
