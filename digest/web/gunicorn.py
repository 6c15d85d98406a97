"""gunicorn's configuration: `gunicorn --config python:digest.web.gunicorn digest.web.wsgi:app`."""

import sys
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from digest.errors import DigestError
from digest.logs import ScrubbingFormatter, formatter
from digest.runtime import share_with_children
from digest.settings.loading import load_settings

worker_class = "digest.web.prefork.WebWorker"
preload_app = False
timeout = 60
graceful_timeout = 60
accesslog = "-"
# It would leave a socket in the home folder, and nobody asked for it.
control_socket_disable = True


class ScrubbingLogger(Logger):  # type: ignore[misc]
    """gunicorn's own logs, without tokens and mail addresses, and as JSON where ours are."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        as_json = _log_format() == "json"
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                if as_json:
                    handler.setFormatter(formatter("json"))
                elif handler.formatter is not None:
                    handler.setFormatter(ScrubbingFormatter(handler.formatter))


def _log_format() -> str:
    try:
        return load_settings().log_format
    except DigestError:
        # Told by `on_starting`, which comes next.
        return "text"


logger_class = ScrubbingLogger


def on_starting(_: Any) -> None:
    """Make the app, which the workers share, or say in one sentence what is wrong.

    Not by `preload_app`, which comes before this, and ends in a traceback. As with that, a HUP does
    not bring a new version in: restart it.
    """
    try:
        from digest.web.wsgi import settings
    except DigestError as error:
        print(f"digest: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    share_with_children(settings)
