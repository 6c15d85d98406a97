"""gunicorn's configuration: `gunicorn --config python:digest.web.gunicorn digest.web.wsgi:app`."""

import sys
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from digest.errors import DigestError
from digest.logs import ScrubbingFormatter
from digest.runtime import open_runtime
from digest.settings.loading import load_settings

worker_class = "digest.web.prefork.WebWorker"
preload_app = False
timeout = 60
graceful_timeout = 60
accesslog = "-"
# It would leave a socket in the home folder, and nobody asked for it.
control_socket_disable = True


class ScrubbingLogger(Logger):  # type: ignore[misc]
    """gunicorn's own logs, with tokens and mail addresses taken out of every line."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                if handler.formatter is not None:
                    handler.setFormatter(ScrubbingFormatter(handler.formatter))


logger_class = ScrubbingLogger


def on_starting(_: Any) -> None:
    """Say in one sentence what is wrong with the settings, before any worker starts."""
    try:
        open_runtime(load_settings()).close()
    except DigestError as error:
        print(f"digest: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
