"""The one place where the pages ask what time it is."""

from datetime import datetime

from fleet.store.clock import service_now


def now() -> datetime:
    return service_now()
