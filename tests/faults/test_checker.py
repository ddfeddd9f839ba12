"""The checker finds what is wrong. Whatever it passed over, no other fault test could find."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, update

from fleet.domain.outage import HOLD
from fleet.ingest.batch import Inbound
from fleet.ingest.pipeline import process
from fleet.services.judge_silence import judge_silence
from fleet.services.silence import mark_silent
from fleet.store.database import db, transaction
from fleet.store.models import Alert, DeviceState, Reading, Transition
from fleet.wire.messages import Ack, encode
from tests.faults.checker import Verdict, check, promised
from tests.faults.devices import CALM, CYCLE, Device
from tests.support.hospital import build_hospital

CART = "cart-001"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


PACE_S = 400.0
"""Two low readings in a row are more than the minutes after which somebody is called."""


@pytest.fixture
def devices(worker: Flask) -> Iterator[dict[str, Device]]:
    """Two carts that have emptied and filled their batteries once, all of it acked."""
    now = time.time()
    with worker.app_context():
        build_hospital(2, with_profile=False)
        speakers = {name: Device(name, 1, now, PACE_S, CALM) for name in (CART, "cart-002")}
        for _ in range(CYCLE):
            now += PACE_S
            for device in speakers.values():
                device.measure(now)
            hear(speakers, now)
        yield speakers


def hear(devices: dict[str, Device], at: float) -> None:
    """One batch: what all of them have to say at this moment."""
    now = datetime.fromtimestamp(at, UTC)
    said = [
        Inbound(f"fleet/v1/up/{name}/telemetry", payload, now)
        for name, device in devices.items()
        for payload in device.messages(at)
    ]
    for (name, boot), kept in process(said, now).items():
        devices[name].hear(encode(Ack(1, boot, [(seq, seq) for seq in kept.seqs])))


def verdict(devices: dict[str, Device]) -> Verdict:
    db.session.rollback()
    url = db.engine.url.render_as_string()
    return check(url, devices, promised(devices.values()))


def spoil(statement: Any) -> None:
    with transaction() as session:
        session.execute(statement)


def row(model: Any) -> dict[str, Any]:
    """The first row of a table, as a copy."""
    found = db.session.scalars(select(model).limit(1)).one()
    return {c.name: getattr(found, c.name) for c in model.__table__.columns}


def test_where_all_is_right_it_finds_nothing_wrong(devices: dict[str, Device]) -> None:
    found = verdict(devices)
    assert found.wrong == []
    assert found.acked == found.readings == 2 * CYCLE
    assert found.alerts == 4  # each was called to be charged, and charged at a dead charger first


def a_lost_reading() -> Any:
    return delete(Reading).where(Reading.boot == 1, Reading.seq == 1, Reading.device_pk == 1)


def a_second_row() -> Any:
    return insert(Reading).values(**row(Reading) | {"slot": 1})


def a_row_that_nobody_said() -> Any:
    return insert(Reading).values(**row(Reading) | {"seq": 9_999})


def another_charge() -> Any:
    return update(Reading).where(Reading.seq == 2).values(soc_pct=Reading.soc_pct + 1)


def another_time() -> Any:
    return update(Reading).where(Reading.seq == 2).values(sampled_at=datetime.now(UTC))


def a_state_of_the_past() -> Any:
    return update(DeviceState).values(seq=DeviceState.seq - 1)


def the_state_of_another_reading() -> Any:
    return update(DeviceState).values(soc_pct=DeviceState.soc_pct + 1)


def a_second_alert(kind: str = "needs_charging") -> Any:
    later = {"id": 99, "opened_at": datetime(2030, 1, 1, tzinfo=UTC), "state": "resolved"}
    return insert(Alert).values(**row(Alert) | later | {"kind": kind, "resolved_at": None})


def a_second_alert_that_it_does_not_charge() -> Any:
    return a_second_alert("not_charging")


def an_alert_at_the_same_time() -> Any:
    return insert(Alert).values(**row(Alert) | {"id": 99, "state": "resolved"})


def an_alert_that_nobody_ends() -> Any:
    return update(DeviceState).values(needs_charging=~DeviceState.needs_charging)


def an_alert_of_its_charger_that_nobody_ends() -> Any:
    return update(DeviceState).values(not_charging=~DeviceState.not_charging)


def a_change_without_its_beginning() -> Any:
    changes = select(Transition.id).where(Transition.device_pk == 1).order_by(Transition.id)
    return delete(Transition).where(Transition.id == changes.offset(1).limit(1).scalar_subquery())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (a_lost_reading, "lost"),
        (a_second_row, "twice"),
        (a_row_that_nobody_said, "never measured"),
        (another_charge, "altered: soc_pct"),
        (another_time, "altered"),
        (a_state_of_the_past, "latest"),
        (the_state_of_another_reading, "latest"),
        (a_second_alert, "changes on record"),
        (a_second_alert_that_it_does_not_charge, "2 alerts not_charging, and its readings"),
        (an_alert_at_the_same_time, "two alerts at once"),
        (an_alert_that_nobody_ends, "needs_charging is"),
        (an_alert_of_its_charger_that_nobody_ends, "not_charging is"),
        (a_change_without_its_beginning, "became"),
    ],
)
def test_it_finds(devices: dict[str, Device], wrong: Callable[[], Any], words: str) -> None:
    spoil(wrong())
    found = verdict(devices).wrong
    assert any(words in one for one in found), found


def test_it_finds_an_alert_opened_twice_for_one_low_charge(devices: dict[str, Device]) -> None:
    """As a latest that goes back and forth would leave it: every record in order, one too many."""
    with transaction() as session:
        times = session.scalars(
            select(Transition.at).where(Transition.device_pk == 1).order_by(Transition.id)
        ).all()
        at = times[-1] + timedelta(seconds=1)
        low = session.scalars(select(DeviceState.needs_charging)).first()
        for old, new in (
            [("no", "yes"), ("yes", "no")] if not low else [("yes", "no"), ("no", "yes")]
        ):
            session.add(Transition(device_pk=1, at=at, aspect="needs_charging", old=old, new=new))
        session.add(
            Alert(
                device_pk=1, kind="needs_charging", state="resolved", opened_at=at, resolved_at=at
            )
        )
    assert any("were low" in one for one in verdict(devices).wrong)


def test_it_finds_a_cart_that_is_online_and_alerted_as_offline(devices: dict[str, Device]) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    mark_silent(tomorrow)
    judge_silence(tomorrow + HOLD)
    assert verdict(devices).wrong == []
    spoil(update(DeviceState).values(online=True))
    assert any("it is online" in one for one in verdict(devices).wrong)


def test_what_is_not_acked_may_be_missing_and_what_is_recorded_unacked_is_no_fault(
    devices: dict[str, Device],
) -> None:
    """The two moments between which an ack is on its way."""
    device = devices[CART]
    device.measure(time.time())
    before = verdict(devices)
    assert before.wrong == []
    for payload in device.messages(time.time() + 1_000):
        topic = f"fleet/v1/up/{device.id}/telemetry"
        process([Inbound(topic, payload, datetime.now(UTC))], datetime.now(UTC))
    after = verdict(devices)
    assert (after.wrong, after.acked) == ([], before.acked)
    assert after.readings > before.readings
