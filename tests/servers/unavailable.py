"""What a test says when a server or a browser is not to be had on this machine."""

import os
from typing import NoReturn

import pytest


def strict() -> bool:
    """Whether a skipped test is a failed one: on CI, and wherever somebody asks for it."""
    return any(os.environ.get(name, "0") not in ("", "0") for name in STRICT_VARIABLES)


STRICT_VARIABLES = ("CI", "DIGEST_TESTS_STRICT")


def unavailable(what: str, how_to_get_it: str) -> NoReturn:
    """Skip the test; the conftest turns that into a failure where `strict`."""
    pytest.skip(f"{what} is not available: {how_to_get_it}")
