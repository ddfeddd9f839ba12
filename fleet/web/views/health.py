"""Alive, and ready: what supervisors and load balancers ask."""

from datetime import datetime, timedelta

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from fleet.store.database import db
from fleet.store.migrate import is_current
from fleet.store.queries.health import SignOfLife, signs_of_life
from fleet.web import clock

health = Blueprint("health", __name__)

PROCESS_DEADLINE = timedelta(seconds=20)
ROUND_TRIP_DEADLINE = timedelta(seconds=30)
CLOCKS_APART = timedelta(seconds=5)
"""So far ahead the clock of another machine may be."""

_UNREACHABLE = "The database does not answer: see FLEET_DATABASE_URL and the database's own log."
_NOT_MIGRATED = "The schema is older than this version: run `fleet migrate`."
_NO_BROKER = "Ingest is not connected to the broker: see that it runs and FLEET_MQTT_URL names it."
_SILENT = "Not heard of within its deadline: see that `fleet {0}` runs, and its log."
_FUTURE = "Its last sign of life is from the future: set the clocks of all machines alike."
_NO_ROUND_TRIP = "No message came through schedule, broker and ingest: see the checks before this."


@health.get("/healthz")
def alive() -> ResponseReturnValue:
    return jsonify(alive=True)


@health.get("/readyz")
def ready() -> ResponseReturnValue:
    """Every check by name: true, or one sentence about what to do."""
    checks = _checks(clock.now())
    is_ready = all(problem is None for problem in checks.values())
    found = {name: {"ok": problem is None, "do": problem} for name, problem in checks.items()}
    answer = jsonify(ready=is_ready, checks=found)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if is_ready else 503


def _checks(now: datetime) -> dict[str, str | None]:
    try:
        if not is_current(db.engine):
            return {"database": _NOT_MIGRATED}
        signs = signs_of_life()
    except SQLAlchemyError:
        return {"database": _UNREACHABLE}
    ingest = signs.get("ingest")
    ingest_problem = _late(ingest, now, PROCESS_DEADLINE, _SILENT.format("ingest"))
    # What a silent process said last about the broker is not known any more.
    connected = ingest_problem is None and ingest is not None and ingest.broker_connected
    return {
        "database": None,
        "ingest": ingest_problem,
        "broker": None if connected else _NO_BROKER,
        "schedule": _late(signs.get("schedule"), now, PROCESS_DEADLINE, _SILENT.format("schedule")),
        "round_trip": _late(signs.get("round_trip"), now, ROUND_TRIP_DEADLINE, _NO_ROUND_TRIP),
    }


def _late(sign: SignOfLife | None, now: datetime, deadline: timedelta, words: str) -> str | None:
    if sign is not None and sign.at > now + CLOCKS_APART:
        return _FUTURE
    return None if sign is not None and now - sign.at <= deadline else words
