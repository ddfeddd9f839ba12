"""`/metrics` for Prometheus: every process's own counts, and the fleet in numbers.

Any `web` answers for all: each process's counts come with its sign of life, seconds old.
"""

from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from fleet.api import clock
from fleet.api.access import Access, allow
from fleet.api.problems import problem
from fleet.domain.health import is_alive
from fleet.metrics import CONTENT_TYPE, exposition, merged
from fleet.store.database import db
from fleet.store.models import ServiceInstance
from fleet.store.queries import diagnosis
from fleet.store.queries.health import instances
from fleet.store.queries.totals import Counted, Totals

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
@allow(Access.METRICS)
def metrics() -> Response:
    now = clock.now()
    living = [row for row in instances(db.session()) if is_alive(row.at, now)]
    own = merged((_labels(row), row.metrics) for row in living)
    counted = current_app.extensions.setdefault("totals", Counted())
    totals = counted.totals(now)
    return _answer([_up(1), *own, *_processes(living), *_fleet(totals), *_flow(totals, now)])


@bp.errorhandler(SQLAlchemyError)
def without_database(_error: SQLAlchemyError) -> Response:
    """For anybody: nobody's token can be looked up, and `/readyz` says no less."""
    return _answer([_up(0)])


@bp.errorhandler(401)
@bp.errorhandler(403)
def refused(error: HTTPException) -> ResponseReturnValue:
    return problem(error.code or 401, error.description)


def _answer(found: list[Metric]) -> Response:
    answer = Response(exposition(found), content_type=CONTENT_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _up(value: int) -> Metric:
    return GaugeMetricFamily("wardfleet_database_up", "Whether the database answers.", value)


def _labels(row: ServiceInstance) -> dict[str, str]:
    """Not `instance`: so Prometheus calls what it scrapes."""
    return {"process": row.process, "worker": row.instance}


def _processes(living: list[ServiceInstance]) -> Iterator[Metric]:
    names = ["process", "worker"]
    about = GaugeMetricFamily(
        "wardfleet_build_info", "Always 1; the version is in the label.", labels=[*names, "version"]
    )
    broker = GaugeMetricFamily(
        "wardfleet_broker_connected", "Whether a process is connected to the broker.", labels=names
    )
    for row in living:
        about.add_metric([row.process, row.instance, row.version], 1)
        if row.broker_connected is not None:
            broker.add_metric([row.process, row.instance], row.broker_connected)
    yield from (about, broker)


def _fleet(totals: Totals) -> Iterator[Metric]:
    devices = GaugeMetricFamily(
        "wardfleet_devices", "Enrolled devices.", labels=["kind", "availability"]
    )
    for words, count in totals.devices.items():
        devices.add_metric(words, count)
    alerts = GaugeMetricFamily(
        "wardfleet_alerts_open", "Alerts that nobody has acknowledged.", labels=["kind"]
    )
    for kind, count in totals.open_alerts.items():
        alerts.add_metric([kind], count)
    yield from (devices, alerts)
    yield GaugeMetricFamily(
        "wardfleet_quarantined_messages",
        "Messages set aside, as many as are kept.",
        totals.quarantined_messages,
    )

    if totals.trust_ends_at is not None:
        yield GaugeMetricFamily(
            "wardfleet_trust_expiry_timestamp_seconds",
            "When the trust document in force ends, in seconds since 1970.",
            totals.trust_ends_at.timestamp(),
        )


def _flow(totals: Totals, now: datetime) -> Iterator[Metric]:
    """What comes in, to a minute, and what goes out, of which no count of a minute ago would do."""
    waiting, oldest_at = diagnosis.outbox(db.session())
    newest_at = totals.newest_reading_at
    for name, about, value in (
        ("outbox_messages", "Messages that wait to be said.", waiting),
        ("outbox_age_seconds", "Of the oldest that waits.", _age(oldest_at, now)),
        ("newest_reading_age_seconds", "Since a device was heard.", _age(newest_at, now)),
    ):
        if value is not None:
            yield GaugeMetricFamily(f"wardfleet_{name}", about, value)


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0)
