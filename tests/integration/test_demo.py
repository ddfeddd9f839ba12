"""The demo hospital is not new: its packs have a past, and purchasing knows what they cost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.demo import Demo, enter_demo
from fleet.store.database import db
from fleet.store.models import (
    BatteryPack,
    Device,
    PackModel,
    PackState,
    Rollout,
    RolloutDevice,
)

DEMO = Demo(wards=2, carts=16, tablets=8)
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def data_dir(worker: Flask) -> Iterator[Path]:
    folder: Path = worker.config["FLEET"].data_dir
    with worker.app_context():
        enter_demo(DEMO, folder, NOW)
        yield folder


def test_every_pack_is_told_when_it_falls_and_why() -> None:
    states = db.session.scalars(select(PackState)).all()
    assert len(states) == DEMO.carts + DEMO.tablets
    for state in states:
        assert state.falls_on is not None or "no end in sight" in (state.why or "")
    falling = [s for s in states if s.health_pct and s.health_pct > (s.threshold_pct or 0)]
    assert any("its model's median" in (state.why or "") for state in falling)


def test_purchasing_knows_each_model() -> None:
    named = set(db.session.scalars(select(BatteryPack.model)))
    priced = set(db.session.scalars(select(PackModel.model).where(PackModel.price_cents > 0)))
    assert named == priced


def test_a_second_start_goes_on_with_the_same_packs(data_dir: Path) -> None:
    enter_demo(DEMO, data_dir, NOW + timedelta(days=1))
    assert db.session.scalar(select(func.count()).select_from(BatteryPack)) == 24
    assert db.session.scalar(select(func.count()).select_from(Device)) == 24


def test_two_rollouts_go_on_and_one_comes_to_its_end_once_its_cart_is_heard_of() -> None:
    query = select(Rollout).order_by(Rollout.id)
    assert [(r.target, r.scope, r.state) for r in db.session.scalars(query)] == [
        ("profile", "device", "running"), ("profile", "site", "running"),
        ("firmware", "site", "running"),
    ]  # fmt: skip
    assert all(r.created_by != r.approved_by for r in db.session.scalars(query))
    devices = select(RolloutDevice.rollout_id, func.count()).group_by(RolloutDevice.rollout_id)
    assert {(*row,) for row in db.session.execute(devices)} == {
        (1, 1), (2, DEMO.tablets), (3, DEMO.carts),
    }  # fmt: skip
