"""The one place where the pages ask what time it is."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from fleet.store.clock import service_now
from fleet.store.queries.places import home_timezone


def now() -> datetime:
    return service_now()


def today() -> date:
    """At the hospital."""
    return now().astimezone(ZoneInfo(home_timezone())).date()
