"""Carts to which firmware is rolled out, and what they say of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.propose import propose_rollout
from fleet.services.sign_profile import manifest_of, sign_profile
from fleet.store.database import db, transaction
from fleet.store.models import Device, OutboxMessage
from tests.support.hospital import say
from tests.support.releases import Workshop
from tests.support.rollouts import PLAN, Carts
from tests.support.signing import HARDWARE

FORMER, NEW = "4.1.0", "4.2.0"


class FirmwareCarts(Carts):
    """As `Carts`, of one make, and all with the former release; the new one is there.

    Its time is the real one: signatures are of now.
    """

    def __init__(self, app: Flask, folder: Path, wards: int = 3, each: int = 6) -> None:
        super().__init__(wards, each)
        self.now = datetime.now(UTC)
        with transaction() as session:
            session.execute(update(Device).values(model=HARDWARE))
        self.workshop = Workshop(app, folder)
        self.workshop.hand_over_online_key()
        self.workshop.add(b"old", version=FORMER, release_counter=6)
        self.workshop.add(b"new", version=NEW, release_counter=7)
        self.rest()
        self.forget_words()

    def rest(self, names: Any = None, **state: Any) -> None:
        super().rest(names, **{"system": {"idle_s": 900, "firmware": FORMER}, **state})

    def propose(self, version: int | str = NEW, scope: str = "site", key: str = "lindenhof",
                actor: str = "user:ada", **plan: Any) -> int:  # fmt: skip
        return propose_rollout(
            "firmware", f"firmware-{version}", str(version), scope, key, actor, self.now,
            {**PLAN, **plan},
        )  # fmt: skip

    def begin(self, **options: Any) -> int:
        rollout_id = self.propose(**options)
        approve_rollout(rollout_id, "user:bob", self.now)
        return rollout_id

    def begin_profile(self, version: int, **plan: Any) -> int:
        """A rollout of a profile beside: signed, as everything is here."""
        manifest = manifest_of("carts", version, self.now, timedelta(days=30))
        signed = self.workshop.ceremony.sign(manifest, "release")
        sign_profile("carts", version, signed, "user:ada", self.now)
        rollout_id = super().propose(version, **plan)
        approve_rollout(rollout_id, "user:bob", self.now)
        return rollout_id

    def offer(self, name: str) -> dict[str, Any] | None:
        """What waits for it in the outbox; None: nothing, or that its offer is taken back."""
        return self.offers().get(name)

    def offers(self) -> dict[str, dict[str, Any] | None]:
        db.session.rollback()
        rows = db.session.execute(
            select(OutboxMessage.topic, OutboxMessage.payload).where(
                OutboxMessage.topic.like("%/job")
            )
        )
        return {row.topic.split("/")[3]: json.loads(row.payload or b"null") for row in rows}

    def report(self, name: str, job_id: str, state: str, **said: Any) -> None:
        self._seq += 1
        body = {"v": 1, "boot": 1, "seq": self._seq, "state": state, **said}
        say(f"job/{job_id}", body, self.now, name)

    def install(self, name: str, version: str = NEW) -> None:
        """As it does when nothing goes wrong."""
        offer = self.offer(name)
        assert offer is not None
        for state in ("downloading", "verified", "installing", "rebooting"):
            self.report(name, offer["job_id"], state, firmware=FORMER)
        self.report(name, offer["job_id"], "succeeded", firmware=version)
        self.rest([name], system={"idle_s": 900, "firmware": version})

    def install_all(self, version: str = NEW) -> None:
        for name, offer in self.offers().items():
            if offer is not None:
                self.install(name, version)
        self.forget_words()

    def firmware_goes_well(self, turns: int, minutes: float = 6) -> None:
        for _ in range(turns):
            self.turn(minutes=minutes)
            self.install_all()
