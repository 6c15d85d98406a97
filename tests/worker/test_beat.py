"""Beat only rings: it holds nothing that others work with."""

import os
import subprocess
import sys

from digest.settings.loading import new_secret

LOADED = """
import sys
from worker.app import app
import celery.beat, celery.bin.celery
print(*sys.modules, "scheduled:", *app.conf.beat_schedule)
"""


def test_it_loads_no_tables_no_pages_and_no_tasks() -> None:
    environment = {
        "DATABASE_URL": "postgresql://digest:secret@127.0.0.1:5432/digest",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, _, scheduled = done.stdout.partition(" scheduled: ")
    assert scheduled.split() == ["tick"]
    assert not {"sqlalchemy", "flask", "jinja2", "worker.tasks", "rich"} & set(loaded.split())
