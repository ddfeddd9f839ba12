"""From a message to the database, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.domain.outage import HOLD
from fleet.domain.words import AlertState
from fleet.ingest.pipeline import process
from fleet.services.judge_silence import judge_silence
from fleet.services.silence import mark_silent
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    BatteryPack,
    OutboxMessage,
    QuarantinedMessage,
    Reading,
    Transition,
    Ward,
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


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def standing() -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(select(Alert.kind).where(Alert.state != AlertState.RESOLVED)))


def revision() -> int:
    db.session.rollback()
    return db.session.scalar(select(Ward.revision).where(Ward.slug == "ward-3a")) or 0


def quarantined() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(QuarantinedMessage.reason)))


def test_a_reading_becomes_history_and_current_state_and_is_acked() -> None:
    acks = say("telemetry", telemetry(reading(1, soc=90)))
    assert acks["cart-001", 1].seqs == {1}
    assert count(Reading) == 1
    assert (state().availability, state().soc_pct, state().zone_code) == (
        "available", 90, "3A-bay-1",
    )  # fmt: skip
    row = db.session.scalars(select(Reading)).one()
    assert (row.soc_pct, row.status, row.current_ma) == (90, "discharging", -2000)
    assert row.sampled_at == NOON
    assert row.pack_id == db.session.scalar(select(BatteryPack.id))


def test_a_message_that_comes_three_times_is_there_once_with_one_alert() -> None:
    run_low()
    for _ in range(3):
        acks = say("telemetry", telemetry(reading(1, soc=10)))
        assert acks["cart-001", 1].seqs == {1}
    assert count(Reading) == 2
    assert count(Alert) == 1
    # Two profiles pending; unknown to low; charging needed.
    assert count(Transition) == 4


def test_latest_is_by_boot_and_number_and_never_by_the_devices_clock() -> None:
    say("telemetry", telemetry(reading(5, soc=50, at=NOON - timedelta(days=365))))
    say("telemetry", telemetry(reading(4, soc=99, at=NOON + timedelta(days=365))))
    assert state().soc_pct == 50
    say("telemetry", telemetry(reading(1, soc=60), boot=2))
    assert state().soc_pct == 60
    say("telemetry", telemetry(reading(900, soc=1), boot=1))
    assert state().soc_pct == 60
    assert count(Reading) == 4


def test_a_wrong_clock_is_flagged_and_does_not_make_the_cart_unknown() -> None:
    say("telemetry", telemetry(reading(1, at=NOON.replace(year=1970))))
    assert state().availability == "available"
    assert state().clock_ok is False
    assert state().sampled_at == NOON


def test_what_a_device_kept_for_hours_is_history_and_not_its_state_now() -> None:
    old = NOON - timedelta(hours=3)
    say("telemetry", telemetry(reading(1, soc=95, at=old, uptime_s=100), uptime_s=10_900))
    assert count(Reading) == 1
    assert (state().availability, state().online) == ("unknown", False)
    assert state().last_seen_at == NOON


def test_a_cart_that_runs_low_raises_one_alert_which_charging_ends() -> None:
    say("telemetry", telemetry(reading(1, soc=20)))
    say("telemetry", telemetry(reading(2, soc=5, at=NOON + seconds(15))), NOON + seconds(15))
    assert standing() == set()  # it may be a moment only
    assert state().availability == "low"  # but nobody is to take it
    say("telemetry", telemetry(reading(3, soc=5, at=NOON + seconds(315))), NOON + seconds(315))
    assert standing() == {"needs_charging"}
    assert state().availability == "low"
    plugged = {"status": "charging", "power_source": "mains", "current_ma": 8000}
    say(
        "telemetry",
        telemetry(reading(4, soc=5, at=NOON + seconds(330), battery=plugged)),
        NOON + seconds(330),
    )
    assert standing() == set()
    assert state().availability == "charging"
    assert count(Alert) == 1


def test_a_worn_pack_and_a_crashed_app_each_raise_their_alert() -> None:
    crashed = [{"name": "emar", "version": "7.2.1", "state": "crashed"}]
    worn = {"full_charge_mah": 20_000, "remaining_mah": 18_000}
    say("telemetry", telemetry(reading(1, battery=worn, apps=crashed)))
    assert standing() == {"needs_replacement", "app_failed"}
    assert state().availability == "unavailable"
    assert state().reason == "emar not running"


def test_a_silent_cart_becomes_unknown_at_its_deadline_and_comes_back_with_a_word() -> None:
    say("telemetry", telemetry(reading(1)))
    deadline = state().offline_after
    assert deadline == NOON + seconds(4 * 15 + 15)
    assert mark_silent(deadline - seconds(1)) == 0
    before = revision()
    assert mark_silent(deadline) == 1
    assert mark_silent(deadline) == 0
    assert (state().availability, standing()) == ("unknown", set())
    assert revision() == before + 1
    judge_silence(deadline + HOLD)
    assert standing() == {"offline"}
    back = deadline + seconds(60)
    say("telemetry", telemetry(reading(2, at=back)), back)
    assert (state().availability, standing()) == ("available", set())


def test_a_last_will_counts_at_once_but_not_one_of_an_older_session() -> None:
    say("birth", {"v": 1, "boot": 1, "session": 7})
    say("telemetry", telemetry(reading(1)))
    say("state", {"online": False, "session": 6}, NOON + seconds(1))
    assert state().availability == "available"
    before = revision()
    say("state", {"online": False, "session": 7}, NOON + seconds(2))
    assert (state().availability, revision()) == ("unknown", before + 1)
    judge_silence(NOON + seconds(2) + HOLD)
    assert standing() == {"offline"}


def test_a_late_birth_does_not_turn_the_session_back() -> None:
    say("birth", {"v": 1, "boot": 1, "session": 8})
    say("birth", {"v": 1, "boot": 1, "session": 7})
    assert state().session == 8


def test_a_device_whose_boot_counter_went_back_is_told_where_to_go_on() -> None:
    say("birth", {"v": 1, "boot": 40, "session": 1})
    say("telemetry", telemetry(reading(1), boot=40))
    say("birth", {"v": 1, "boot": 3, "session": 1})
    payload = db.session.scalar(
        select(OutboxMessage.payload).where(OutboxMessage.topic.endswith("/rebirth"))
    )
    assert payload == b'{"min_boot":41,"v":1}'


def test_each_report_moves_the_wards_board_on_and_no_other() -> None:
    before = revision()
    say("telemetry", telemetry(reading(1)))
    assert revision() == before + 1
    assert db.session.scalar(select(Ward.revision).where(Ward.slug == "ward-3b")) == 0


def test_bad_messages_are_quarantined_with_their_reason_and_the_rest_is_recorded() -> None:
    acks = process(
        [
            message("telemetry", b"NaN", NOON),
            message("telemetry", telemetry(reading(1)), NOON, "stranger"),
            message("telemetry", telemetry(reading(1), device_id="cart-002"), NOON),
            message("telemetry", b"x" * 1_000_000, NOON),
            message("telemetry", telemetry(reading(1), reading(2, soc=101)), NOON),
            message("birth", {"v": 1, "boot": "1", "session": 1}, NOON),
            message("telemetry", telemetry(reading(2)), NOON, "cart-002"),
        ],
        NOON,
    )
    assert count(Reading) == 2
    assert acks["cart-001", 1].seqs == {1}
    assert [r.seq for r in acks["cart-001", 1].refused] == [2]
    assert acks["cart-002", 1].seqs == {2}
    assert ("stranger", 1) not in acks
    reasons = " | ".join(quarantined())
    assert len(quarantined()) == 6
    for part in ("malformed", "unknown device", "device_id", "1000000 bytes", "soc_pct", "boot"):
        assert part in reasons


def test_a_megabyte_of_rubbish_leaves_only_its_beginning_behind() -> None:
    say("telemetry", b"\x00\xff" * 500_000)
    row = db.session.scalars(select(QuarantinedMessage)).one()
    assert (row.size_bytes, len(row.payload_start)) == (1_000_000, 2_048)


def test_one_message_that_breaks_a_step_is_set_aside_and_its_neighbours_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fleet.ingest import pipeline

    def breaks_on_thirteen(batch: pipeline.Batch) -> None:
        if any(b'"boot": 13' in heard.payload for heard in batch.inbound):
            raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "STEPS", (*pipeline.STEPS, breaks_on_thirteen))
    batch = [message("telemetry", telemetry(reading(n), boot=n), NOON) for n in range(1, 21)]
    acks = process(batch, NOON)
    assert count(Reading) == 19
    assert acks["cart-001", 13].seqs == set()
    assert [r.seq for r in acks["cart-001", 13].refused] == [13]
    assert len(acks) == 20
    assert quarantined() == ["could not be processed: ZeroDivisionError"]


def test_a_device_without_a_battery_is_recorded_and_is_not_green() -> None:
    say("telemetry", telemetry({"seq": 1, "ts": NOON.isoformat()}))
    assert count(Reading) == 1
    assert (state().availability, state().reason) == ("unknown", "reports no battery")


def test_two_packs_are_two_rows_and_one_charge() -> None:
    packs = [
        {"slot": slot, "serial": f"P{slot}", "soc_pct": soc, "remaining_mah": soc * 100,
         "full_charge_mah": 10_000}
        for slot, soc in ((0, 90), (1, 30))
    ]  # fmt: skip
    say("telemetry", telemetry({"seq": 1, "ts": NOON.isoformat(), "batteries": packs}))
    assert count(Reading) == 2
    assert count(BatteryPack) == 2
    assert state().soc_pct == 60
