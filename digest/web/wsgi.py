"""`app` for gunicorn: made before its workers are forked, with connections of their own."""

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

# Each process connects for itself. What was open until a fork is closed; what another thread holds
# just then stays its parent's.
os.register_at_fork(before=runtime.database.dispose, after_in_child=runtime.database.forget)
