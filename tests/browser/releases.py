"""The firmware that the busy night's hospital has."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import current_app

from fleet.domain.words import Scope
from fleet.services.add_release import add_release
from fleet.services.allow_downgrade import allow_downgrade
from fleet.services.install_trust import install_trust
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.propose import propose_rollout
from fleet.simulator.roster import Roster
from fleet.store.artifacts import Artifacts
from fleet.trust.documents import Requires
from fleet.wire.envelope import Envelope
from tests.support.signing import Ceremony


def put_out_releases(roster: Roster, actor: str, now: datetime) -> None:
    """Two for carts, one of them with leave to go back to it, and one for tablets that is over."""
    cart, tablet = roster.devices[0].model, roster.devices[-1].model
    artifacts = Artifacts(current_app.config["FLEET"].data_dir)
    with TemporaryDirectory() as folder:
        ceremony, file = Ceremony(Path(folder), now - timedelta(days=40)), Path(folder) / "image"
        install_trust(ceremony.envelope, actor, ceremony.now)

        def add(version: str, counter: int, model: str, size: int, **changed: Any) -> Envelope:
            file.write_bytes(version.encode() * (size // len(version)))
            said = {"version": version, "release_counter": counter, "hardware_ids": [model]}
            envelope = ceremony.manifest(file.read_bytes(), **said, **changed)
            add_release(file, envelope, artifacts, actor, ceremony.now)
            return envelope

        over = now - timedelta(days=2)
        needs = Requires(min_soc_pct=50, on_mains=True, idle=True)
        older = add("4.1.0", 6, cart, 1_400_000, requires=needs)
        add("4.2.0", 7, cart, 1_900_000, requires=needs, notes="Charges in the cold.")
        add("2.8.3", 3, tablet, 640_000, expires_at=over)
        allow_downgrade(ceremony.downgrade(older, seen=7), actor, ceremony.now)


def roll_out(roster: Roster, actor: str, now: datetime) -> None:
    """A version of a profile to one ward, begun at this moment."""
    brought = ("profile", "medication-cart", "2", Scope.WARD, roster.wards[1].slug)
    approve_rollout(propose_rollout(*brought, actor, now), "user:grace", now)
