"""A rollout to 10,000 devices, the scheduler's side of it alone: `make bench-rollout`.

Every device is at rest and applies what it is told; its report is written as ingest would have
judged it. So this is the planning, without brokers and agents.
"""

import resource
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, insert, select, update

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile
from fleet.services.load_profiles import load_profile
from fleet.services.places import add_site, add_ward
from fleet.services.profile_document import ProfileSchema
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.services.rollouts.propose import propose_rollout
from fleet.store.database import db, transaction
from fleet.store.migrate import upgrade
from fleet.store.models import (
    Configuration,
    Device,
    DeviceState,
    OutboxMessage,
    Rollout,
    RolloutDevice,
    Ward,
)
from tests.support.postgres import private_cluster

WARDS, EACH = 400, 25
DEVICES = WARDS * EACH
NOW = datetime(2026, 11, 24, 21, tzinfo=UTC)
EVERY = timedelta(seconds=5)
PLAN = {"soak_min": 1, "canaries": 10}
PROFILE: dict[str, Any] = {
    "profile": "carts", "title": "Carts", "kinds": ["medication_cart"],
    "settings": {"screen_timeout_s": 120}, "reporting": {"interval_s": 30},
}  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, private_cluster() as server:
        print(f"A rollout to {DEVICES:,} devices in {WARDS} wards\n")
        print("| database | turns | turn p50 | turn p99 | longest | most statements a turn"
              " | statements a device | memory |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|")
        for name in ("SQLite", "PostgreSQL"):
            path = Path(folder) / name
            path.mkdir()
            url = f"sqlite:///{path}/bench.sqlite" if name == "SQLite" else server.create("roll")
            upgrade(url)
            given = {"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(path)}
            with create_worker(Settings.from_env(given)).app_context():
                _enter()
                print(f"| {name} | {_measure()} |", flush=True)
                db.session.remove()
                db.engine.dispose()


def _enter() -> None:
    add_site("site", "Site", "Europe/Berlin", "bench", NOW)
    for number in range(WARDS):
        add_ward("site", f"ward-{number}", f"Ward {number}", "bench", NOW)
    for timeout in (120, 60):
        changed = {**PROFILE, "settings": {"screen_timeout_s": timeout}}
        load_profile(ProfileSchema().load(changed), "bench", NOW)
    with transaction() as session:
        wards = session.scalars(select(Ward.id).order_by(Ward.id)).all()
        keys = range(1, DEVICES + 1)
        session.execute(insert(Device), [
            {"id": n, "device_id": f"cart-{n:05d}", "asset_tag": f"C{n}", "created_at": NOW,
             "kind": "medication_cart", "ward_id": wards[n % WARDS], "lifecycle": "enrolled"}
            for n in keys
        ])  # fmt: skip
        session.execute(insert(DeviceState), [
            {"device_pk": n, "online": True, "availability": "available", "plugged_in": True,
             "soc_pct": 90, "system": {"idle_s": 900}, "last_seen_at": NOW}
            for n in keys
        ])  # fmt: skip
        session.execute(insert(Configuration), [{"device_pk": n} for n in keys])
    assign_profile("carts", 1, Scope.SITE, "site", "bench", NOW)
    _answer()


def _answer() -> None:
    """Everybody has done what they were told, and has said so."""
    with transaction() as session:
        session.query(OutboxMessage).delete()
        session.execute(
            update(Configuration)
            .where(
                func.coalesce(Configuration.compliant_generation, 0) < Configuration.generation
            )
            .values(
                compliance="compliant",
                compliant_generation=Configuration.generation,
                reported_generation=Configuration.generation,
            )
            .execution_options(synchronize_session=False)
        )  # fmt: skip


def _measure() -> str:
    rollout_id = propose_rollout("profile", "carts", "2", "site", "site", "user:ada", NOW, PLAN)
    approve_rollout(rollout_id, "user:bob", NOW)
    sent: Counter[int] = Counter()
    turn, taken, now = 0, [], NOW

    def note(*_args: object) -> None:
        sent[turn] += 1

    while _state(rollout_id) == "running":
        turn, now = turn + 1, now + EVERY
        event.listen(db.engine, "before_cursor_execute", note)
        began = time.perf_counter()
        plan_rollouts(now)
        taken.append(time.perf_counter() - began)
        event.remove(db.engine, "before_cursor_execute", note)
        _answer()
    ends = Counter(db.session.scalars(select(RolloutDevice.state)))
    assert ends == {"succeeded": DEVICES}, ends
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    slowest = sorted(taken)
    p50, p99 = slowest[len(slowest) // 2], slowest[int(len(slowest) * 0.99)]
    each = sum(sent.values()) / DEVICES
    return (
        f"{turn} | {p50 * 1000:.0f} ms | {p99 * 1000:.0f} ms | {slowest[-1] * 1000:.0f} ms"
        f" | {max(sent.values())} | {each:.2f} | {memory} MB"
    )


def _state(rollout_id: int) -> str:
    db.session.rollback()
    return str(db.session.scalar(select(Rollout.state).where(Rollout.id == rollout_id)))


if __name__ == "__main__":
    main()
