"""Alive, and ready: what supervisors, load balancers and monitoring ask."""

import shutil
from datetime import datetime

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from fleet.access import allow
from fleet.config import Settings
from fleet.domain.access import Access
from fleet.domain.health import nearly_full, problems
from fleet.pki.expiry import endings
from fleet.pki.folder import AuthorityError
from fleet.services.heartbeat import Heart
from fleet.store.database import db
from fleet.store.migrate import is_current
from fleet.store.queries.health import round_trip_at, signs_of_life
from fleet.web import clock

health = Blueprint("health", __name__)

_UNREACHABLE = "The database does not answer: see FLEET_DATABASE_URL and the database's own log."
_NOT_MIGRATED = "The schema is older than this version: run `fleet migrate`."
_UNWRITABLE = "The database takes no writes: free space on its disk, and see its own log."
_NO_SPACE = "The disk of the data directory is nearly full: {0} MB are free. Make room on it."
_NO_DISK = "The data directory cannot be looked at: see FLEET_DATA_DIR and its disk."

_OVER = "Expired: {0}, since {1} UTC. {2}"


@health.get("/healthz")
@allow(Access.OPEN)
def alive() -> ResponseReturnValue:
    return jsonify(alive=True)


@health.get("/readyz")
@allow(Access.OPEN)
def ready() -> ResponseReturnValue:
    """Every check by name: true, or one sentence about what to do."""
    checks = _checks(clock.now())
    is_ready = all(problem is None for problem in checks.values())
    found = {name: {"ok": problem is None, "do": problem} for name, problem in checks.items()}
    answer = jsonify(ready=is_ready, checks=found)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if is_ready else 503


def _checks(now: datetime) -> dict[str, str | None]:
    settings: Settings = current_app.config["FLEET"]
    checks = {"disk": _disk(settings), "certificates": _certificates(settings, now)}
    try:
        if not is_current(db.engine):
            return checks | {"database": _NOT_MIGRATED}
        signs, trip = signs_of_life(db.session()), round_trip_at(db.session())
    except SQLAlchemyError:
        return checks | {"database": _UNREACHABLE}
    # Whether it can be written to, this process's own sign of life shows.
    heart: Heart | None = current_app.extensions.get("heart")
    can_write = heart is None or heart.unwritten is None
    return checks | {"database": None if can_write else _UNWRITABLE} | problems(signs, trip, now)


def _certificates(settings: Settings, now: datetime) -> str | None:
    """Of those on this machine; with one that is over, the broker lets nobody in."""
    try:
        over = [ending for ending in endings(settings.pki) if ending.is_over(now)]
    except AuthorityError as error:
        return f"{error}: put it right, or restore it from a backup."
    if not over:
        return None
    names = ", ".join(ending.name.replace("_", " ") for ending in over)
    return _OVER.format(names, f"{over[0].ends:%Y-%m-%d %H:%M}", over[0].do)


def _disk(settings: Settings) -> str | None:
    try:
        disks = [shutil.disk_usage(folder) for folder in settings.folders()]
    except OSError:
        return _NO_DISK
    full = [disk.free for disk in disks if nearly_full(disk.free, disk.total)]
    return _NO_SPACE.format(min(full) // 1_000_000) if full else None
