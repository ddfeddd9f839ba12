"""A hospital in which something is rolled out, and what its devices answer."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile
from fleet.services.load_profiles import load_profile
from fleet.services.places import add_site, add_ward
from fleet.services.profile_document import ProfileSchema
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.services.rollouts.propose import propose_rollout
from fleet.store.database import db, transaction
from fleet.store.models import (
    Configuration,
    Device,
    DeviceState,
    OutboxMessage,
    Rollout,
    RolloutDevice,
)
from tests.support.hospital import NOON, say

PLAN = {"canaries": 2, "shares": [30, 100], "soak_min": 10, "min_executed": 3}
DOCUMENT: dict[str, Any] = {
    "profile": "carts",
    "title": "Carts",
    "kinds": ["medication_cart"],
    "settings": {"screen_timeout_s": 120},
    "reporting": {"interval_s": 30},
}
MINUTE = timedelta(minutes=1)


class Carts:
    """Wards with carts, of which every one has version 1; version 2 is there. `now` goes on.

    All of them rest on their chargers, full, until a test says otherwise.
    """

    def __init__(self, wards: int = 3, each: int = 6) -> None:
        self.now = NOON
        self._seq = 0
        add_site("lindenhof", "Lindenhof", "Europe/Berlin", "test", NOON)
        for number in range(1, wards + 1):
            add_ward("lindenhof", f"ward-{number}", f"Ward {number}", "test", NOON)
        for timeout in (120, 60, 30):
            changed = {**DOCUMENT, "settings": {"screen_timeout_s": timeout}}
            load_profile(ProfileSchema().load(changed), "test", NOON)
        self.names = [
            name
            for number in range(1, wards + 1)
            for name in register_devices(
                [NewDevice(f"C-{number}-{n}", "medication_cart", f"ward-{number}")
                 for n in range(1, each + 1)], "test", NOON,
            )
        ]  # fmt: skip
        assign_profile("carts", 1, Scope.SITE, "lindenhof", "test", NOON)
        self.rest()
        self.answer_all()

    # --- What people do -----------------------------------------------------------------------

    def propose(self, version: int = 2, scope: str = "site", key: str = "lindenhof",
                actor: str = "user:ada", **plan: Any) -> int:  # fmt: skip
        wanted = {**PLAN, **plan}
        return propose_rollout(
            "profile", "carts", str(version), scope, key, actor, self.now, wanted
        )

    def begin(self, **options: Any) -> int:
        """Proposed and approved."""
        rollout_id = self.propose(**options)
        approve_rollout(rollout_id, "user:bob", self.now)
        return rollout_id

    # --- What happens -------------------------------------------------------------------------

    def rest(self, names: Iterable[str] | None = None, **state: Any) -> None:
        """On its charger and untouched, but for what is given (columns of its state)."""
        values = {
            "online": True, "availability": "available", "plugged_in": True, "soc_pct": 90,
            "system": {"idle_s": 900}, "last_seen_at": self.now, **state,
        }  # fmt: skip
        chosen = select(Device.id).where(Device.device_id.in_(list(names or self.names)))
        with transaction() as session:
            session.execute(
                update(DeviceState).where(DeviceState.device_pk.in_(chosen)).values(values)
            )

    def turn(self, times: int = 1, minutes: float = 0) -> None:
        """The scheduler's; time passes before each."""
        for _ in range(times):
            self.now += minutes * MINUTE
            plan_rollouts(self.now)

    def answer(self, name: str, **wrong: Any) -> None:
        """It reports what it was told last as done, but for the settings given."""
        wanted = self.told(name)
        if wanted is None:
            return
        self._seq += 1
        settings = {**wanted["document"]["settings"], **wrong}
        items = [{"path": f"settings.{key}", "value": value} for key, value in settings.items()]
        items.append({"path": "reporting_interval_s", "value": 30})
        body = {
            "v": 1, "boot": 1, "seq": self._seq, "items": items,
            "generation": wanted["generation"], "sha256": wanted["sha256"],
        }  # fmt: skip
        say("reported", body, self.now, name)

    def answer_all(self) -> None:
        for name in self.told_anything():
            self.answer(name)

    def go_well(self, turns: int, minutes: float = 6) -> None:
        """So many turns after each of which everybody does what it was told."""
        for _ in range(turns):
            self.turn(minutes=minutes)
            self.answer_all()
            self.forget_words()

    # --- What there is ------------------------------------------------------------------------

    def told(self, name: str) -> dict[str, Any] | None:
        """What waits for it in the outbox."""
        db.session.rollback()
        topic = f"fleet/v1/down/{name}/desired"
        payload = db.session.scalar(
            select(OutboxMessage.payload).where(OutboxMessage.topic == topic)
        )
        found: dict[str, Any] | None = json.loads(payload) if payload else None
        return found

    def told_anything(self) -> list[str]:
        db.session.rollback()
        topics = db.session.scalars(
            select(OutboxMessage.topic).where(OutboxMessage.topic.like("%/desired"))
        )
        return sorted(topic.split("/")[3] for topic in topics)

    def forget_words(self) -> None:
        """The broker has taken what was in the outbox."""
        with transaction() as session:
            session.query(OutboxMessage).delete()

    def rollout(self, rollout_id: int) -> Rollout:
        db.session.rollback()
        return db.session.get_one(Rollout, rollout_id)

    def jobs(self, rollout_id: int) -> dict[str, str]:
        """By device: what it is about."""
        db.session.rollback()
        query = (
            select(Device.device_id, RolloutDevice.state)
            .join(RolloutDevice, RolloutDevice.device_pk == Device.id)
            .where(RolloutDevice.rollout_id == rollout_id)
        )
        return {row.device_id: row.state for row in db.session.execute(query)}

    def in_state(self, rollout_id: int, *states: str) -> list[str]:
        return sorted(name for name, state in self.jobs(rollout_id).items() if state in states)

    def timeouts(self) -> dict[str, int]:
        """By device: the setting that it should have now (120, 60, 30 in versions 1, 2, 3)."""
        db.session.rollback()
        query = select(Device.device_id, Configuration).join(Configuration)
        return {
            name: configuration.profile_version.document["settings"]["screen_timeout_s"]
            for name, configuration in db.session.execute(query)
            if configuration.profile_version is not None
        }


def at(moment: str) -> datetime:
    """In UTC."""
    return datetime.fromisoformat(f"{moment}+00:00")
