"""The runtime of the app that a request belongs to."""

from flask import Flask, current_app

from digest.runtime import Runtime

EXTENSION = "digest"


def attach(app: Flask, runtime: Runtime) -> None:
    """Give the app its runtime."""
    app.extensions[EXTENSION] = runtime


def current_runtime() -> Runtime:
    """Return the runtime of the app that answers this request."""
    runtime = current_app.extensions[EXTENSION]
    assert isinstance(runtime, Runtime)
    return runtime
