"""The Procfile's worker with little patience, for tests that wait for its end."""

from digest.web.connections import Bounds
from digest.web.prefork import WebWorker

HASTY = Bounds(headers=1.0, body=1.0, idle=2.0, first_byte=2.0)


class HastyWorker(WebWorker):
    bounds = HASTY
