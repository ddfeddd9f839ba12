"""What ingest does at the edges: late wills, poison, floods, devices that lost their memory."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.domain.outage import HOLD
from fleet.domain.words import AlertState, Scope
from fleet.ingest.batch import Inbound
from fleet.ingest.pipeline import process
from fleet.services.assign_profile import assign_profile
from fleet.services.decommission_device import decommission_device
from fleet.services.judge_silence import judge_silence
from fleet.services.load_profiles import load_profile
from fleet.services.profile_document import ProfileSchema
from fleet.services.silence import mark_silent
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    BatteryPack,
    OutboxMessage,
    QuarantinedMessage,
    Reading,
    Transition,
)
from tests.support.hospital import (
    NOON,
    build_hospital,
    message,
    reading,
    run_low,
    say,
    seconds,
    state,
    telemetry,
)

BIRTH = {"v": 1, "boot": 1, "session": 1}


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


def standing() -> dict[str, str | None]:
    db.session.rollback()
    rows = db.session.scalars(select(Alert).where(Alert.state != AlertState.RESOLVED))
    return {row.kind: row.detail for row in rows}


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def assign(**document: Any) -> None:
    """A profile of its own for cart-001."""
    base = {"profile": "own", "title": "x", "kinds": ["medication_cart"]}
    schema = ProfileSchema().load({**base, "reporting": {"interval_s": 15}, **document})
    load_profile(schema, "test", NOON)
    assign_profile("own", 1, Scope.DEVICE, "cart-001", "test", NOON)


def test_a_device_that_spoke_and_vanished_in_one_batch_ends_as_vanished() -> None:
    process(
        [
            message("birth", BIRTH, NOON),
            message("telemetry", telemetry(reading(1)), NOON),
            message("state", {"online": False, "session": 1, "boot": 1}, NOON),
        ],
        NOON,
    )
    assert (state().online, state().availability) == (False, "unknown")
    judge_silence(NOON + HOLD)
    assert "offline" in standing()
    last = db.session.scalars(
        select(Transition.new)
        .where(Transition.aspect == "availability")
        .order_by(Transition.id.desc())
    ).first()
    assert last == "unknown"


def test_a_birth_and_a_late_will_in_one_batch_leave_it_online() -> None:
    say("telemetry", telemetry(reading(1)))
    process(
        [
            message("birth", {**BIRTH, "session": 8}, NOON),
            message("state", {"online": False, "session": 7, "boot": 1}, NOON),
        ],
        NOON,
    )
    assert state().online


def test_two_goodbyes_are_one_change() -> None:
    say("telemetry", telemetry(reading(1)))
    for _ in range(2):
        say("state", {"online": False, "session": 1}, NOON + seconds(1))
    changes = select(func.count()).select_from(Transition)
    lost = changes.where(Transition.aspect == "availability", Transition.new == "unknown")
    assert db.session.scalar(lost) == 1


def test_a_retained_goodbye_said_again_at_a_new_connection_silences_nobody() -> None:
    say("birth", BIRTH)
    say("telemetry", telemetry(reading(1)))
    goodbye = json.dumps({"online": False, "session": 1}).encode()
    process([Inbound("fleet/v1/up/cart-001/state", goodbye, NOON, None, True)], NOON)
    assert state().online
    process([Inbound("fleet/v1/up/gone-999/state", goodbye, NOON, None, True)], NOON)
    assert count(QuarantinedMessage) == 0


def test_a_retained_message_that_cannot_be_accepted_is_set_aside_once() -> None:
    topic = "fleet/v1/up/cart-001/telemetry"
    for payload in (b"{}", b"{}", b"[]"):
        process([Inbound(topic, payload, NOON, None, True)], NOON)
    assert count(QuarantinedMessage) == 2
    process([Inbound(topic, b"{}", NOON)], NOON)  # said live: an event of its own
    assert count(QuarantinedMessage) == 3


def test_the_will_of_an_old_image_does_not_silence_the_new_one() -> None:
    say("birth", {"v": 1, "boot": 5, "session": 57})
    say("birth", {"v": 1, "boot": 1_800_000_000, "session": 1})
    say("telemetry", telemetry(reading(1), boot=1_800_000_000))
    say("state", {"online": False, "session": 57, "boot": 5}, NOON + seconds(5))
    assert state().online


def test_a_device_that_lost_its_memory_is_asked_once_a_minute_and_not_for_ever() -> None:
    say("birth", {"v": 1, "boot": 40, "session": 1})
    say("telemetry", telemetry(reading(1), boot=40))
    for n in range(50):
        say("birth", {"v": 1, "boot": 3, "session": n + 1}, NOON + seconds(n))
    asked = select(OutboxMessage).where(OutboxMessage.topic.endswith("/rebirth"))
    [request] = db.session.scalars(asked).all()
    assert request.expires_at == NOON + seconds(60)
    say("birth", {"v": 1, "boot": 3, "session": 99}, NOON + seconds(61))
    assert len(db.session.scalars(asked).all()) == 2


def test_a_device_that_begins_its_sessions_again_in_the_same_boot_goes_on_in_another() -> None:
    say("birth", {"v": 1, "boot": 20, "session": 9})
    say("birth", {"v": 1, "boot": 20, "session": 1})
    payload = db.session.scalar(
        select(OutboxMessage.payload).where(OutboxMessage.topic.endswith("/rebirth"))
    )
    assert payload == b'{"min_boot":21,"v":1}'


def test_an_ordinary_birth_is_not_answered() -> None:
    say("birth", BIRTH)
    say("birth", BIRTH)
    say("birth", {**BIRTH, "session": 2})
    asked = select(OutboxMessage).where(OutboxMessage.topic.endswith("/rebirth"))
    assert db.session.scalars(asked).all() == []


def test_any_number_of_failing_apps_is_recorded() -> None:
    names = [f"com.hospital.clinical.app{n:02d}.android" for n in range(8)]
    assign(apps={"required": [{"name": name, "version": "1"} for name in names]})
    stopped = [{"name": name, "state": "stopped"} for name in names]
    acks = say("telemetry", telemetry(reading(1, apps=stopped)))
    assert acks["cart-001", 1].seqs == {1}
    assert len(state().reason or "") == 256


def test_a_device_that_names_a_new_pack_in_every_reading_fills_no_table() -> None:
    def flood(part: int) -> Inbound:
        readings = [
            {
                "seq": part * 1_000 + n,
                "ts": NOON.isoformat(),
                "batteries": [{"slot": s, "serial": f"{part}.{n}.{s}"} for s in range(8)],
            }
            for n in range(1_000)
        ]
        return message("telemetry", telemetry(*readings), NOON)

    acks = process([flood(part) for part in range(3)], NOON)
    assert len(acks["cart-001", 1].seqs) == 3_000
    assert count(Reading) == 24_000
    assert count(BatteryPack) == 200


def test_two_packs_that_claim_one_slot_are_refused_and_not_silently_lost() -> None:
    twice = {"seq": 1, "ts": NOON.isoformat(), "batteries": [{"serial": "A"}, {"serial": "B"}]}
    acks = say("telemetry", telemetry(twice))
    assert acks["cart-001", 1].seqs == set()
    assert "slot" in acks["cart-001", 1].refused[0].reason


def test_a_message_of_a_thousand_bad_readings_is_set_aside_as_one() -> None:
    bad = [{"seq": n, "ts": NOON.isoformat(), "batteries": [{"soc_pct": 101}]} for n in range(1000)]
    acks = say("telemetry", telemetry(*bad))
    assert len(acks["cart-001", 1].refused) == 1_000
    reasons = db.session.scalars(select(QuarantinedMessage.reason)).all()
    assert len(reasons) == 1
    assert reasons[0].endswith("(and 999 more readings of this message)")


def test_a_message_refused_as_a_whole_is_not_sent_for_ever() -> None:
    acks = say("telemetry", {**telemetry(reading(1), reading(2)), "v": 2})
    assert [r.seq for r in acks["cart-001", 1].refused] == [1, 2]
    acks = say("telemetry", telemetry(reading(3), reading(4, soc=101), device_id="cart-002"))
    assert acks == {}


def test_a_stranger_is_told_nothing_and_keeps_its_readings_until_it_is_registered() -> None:
    assert say("telemetry", telemetry(reading(1), reading(2, soc=101)), device_id="new-1") == {}


def test_the_alert_names_the_app_that_fails_now() -> None:
    def apps(emar: str, barcode: str) -> list[dict[str, str]]:
        return [{"name": "emar", "state": emar}, {"name": "barcode", "state": barcode}]

    say("telemetry", telemetry(reading(1, apps=apps("crashed", "running"))))
    say("telemetry", telemetry(reading(2, apps=apps("running", "crashed"))), NOON + seconds(15))
    assert standing() == {"app_failed": "barcode"}


def test_needs_charging_ends_with_the_battery() -> None:
    run_low()
    say("telemetry", telemetry(reading(1, soc=10)))
    bare = {"seq": 2, "ts": (NOON + seconds(15)).isoformat()}
    say("telemetry", telemetry(bare), NOON + seconds(15))
    assert standing() == {}


def test_a_policy_that_names_one_limit_leaves_the_others_to_the_chemistry() -> None:
    assign(battery={"LiFePO4": {"needs_charging_below_pct": 30}})
    say("telemetry", telemetry(reading(1, battery={"cycle_count": 1_500})))
    assert "needs_replacement" not in standing()


def test_what_came_late_from_a_device_that_was_online_ends_in_one_alert() -> None:
    say("telemetry", telemetry(reading(1)))
    old = telemetry(reading(2, at=NOON, uptime_s=100), uptime_s=10_900)
    later = NOON + timedelta(seconds=30)
    say("telemetry", old, later)
    assert state().availability == "unknown"
    mark_silent(later)
    judge_silence(later + HOLD)
    assert set(standing()) == {"offline"}


def test_a_decommissioned_device_leaves_no_alert_behind() -> None:
    run_low()
    say("telemetry", telemetry(reading(1, soc=10)))
    decommission_device("cart-001", "test", NOON)
    mark_silent(NOON + timedelta(hours=1))
    judge_silence(NOON + timedelta(hours=2))
    acks = say("telemetry", telemetry(reading(2, soc=9)), NOON + timedelta(hours=1))
    assert [r.seq for r in acks["cart-001", 1].refused] == [2]
    assert standing() == {}
    assert db.session.scalars(select(QuarantinedMessage.reason)).all() == [
        "device is decommissioned"
    ]


def test_the_same_number_twice_with_other_values_moves_nothing() -> None:
    say("telemetry", telemetry(reading(1, soc=90)))
    say("telemetry", telemetry(reading(1, soc=20)))
    assert state().soc_pct == 90


def test_a_split_batch_acks_every_part_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from fleet.ingest import pipeline

    def breaks_on_six(batch: pipeline.Batch) -> None:
        if any(b'"seq": 6,' in heard.payload for heard in batch.inbound):
            raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "STEPS", (*pipeline.STEPS, breaks_on_six))
    bad = reading(8, soc=101)
    acks = process(
        [message("telemetry", telemetry(reading(n)), NOON) for n in (1, 6, 7)]
        + [message("telemetry", telemetry(reading(2), bad), NOON)],
        NOON,
    )
    assert acks["cart-001", 1].seqs == {1, 2, 7}
    assert sorted(r.seq for r in acks["cart-001", 1].refused) == [6, 8]


def test_nul_in_a_topic_does_not_stop_the_quarantine() -> None:
    process([Inbound("fleet/v1/up/a\x00b/telemetry", b"{}", NOON)], NOON)
    assert db.session.scalars(select(QuarantinedMessage.topic)).one() == (
        "fleet/v1/up/a\ufffdb/telemetry"
    )
