"""`app` for gunicorn, opened in each worker, after the fork."""

import os

from digest.logs import set_up_logging
from digest.runtime import CeleryBell, open_runtime
from digest.settings.loading import load_settings
from digest.web import create_app
from digest.web.bell import CalmBell

settings = load_settings()
set_up_logging(settings.log_format)
runtime = open_runtime(settings, bell=CalmBell(CeleryBell(settings)))
app = create_app(runtime)

# Where somebody runs gunicorn with --preload all the same: no child uses its parent's connections.
os.register_at_fork(after_in_child=runtime.database.forget)
