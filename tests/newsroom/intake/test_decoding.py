"""What pictures leave behind in a process that has read them in several threads."""

import subprocess
import sys

import pytest

# Each picture is of 31 MB when it is decoded.
READ_IN_THREADS = """
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from PIL import Image
from digest.newsroom.intake.pictures import LEAD, crop_and_encode

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("RssAnon"))

written = io.BytesIO()
Image.linear_gradient("L").convert("RGB").resize((4000, 2600)).save(written, "JPEG")
crop_and_encode(written.getvalue(), LEAD)
before = held()
with ThreadPoolExecutor(4) as threads:
    list(threads.map(lambda _: crop_and_encode(written.getvalue(), LEAD), range(8)))
    print(held() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_threads_that_have_read_pictures_hold_none_of_their_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_THREADS], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 30
