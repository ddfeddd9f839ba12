"""Take, return, broken, fixed, undo: at once, for everybody, on record, and one after the other."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.domain.holding import FAULTS, Hold
from fleet.domain.words import Availability, DeviceKind, Lifecycle
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.fix_fault import fix_fault
from fleet.services.holds import Deed, Hand
from fleet.services.report_fault import report_fault
from fleet.services.return_device import return_device
from fleet.services.ring_device import ring_device
from fleet.services.rollouts.queue import candidates, stocks
from fleet.services.send_command import send_command
from fleet.services.take_device import take_device
from fleet.services.undo_deed import undo_deed
from fleet.store.database import db
from fleet.store.models import (
    AuditEntry,
    CheckOut,
    Device,
    DeviceCommand,
    DeviceState,
    FaultReport,
    Transition,
    Ward,
    Zone,
)
from fleet.store.queries.availability import find_availability
from fleet.store.queries.board import ward_revision
from fleet.store.queries.devices import DeviceFilter, count_devices
from fleet.store.queries.tickets import find_tickets, fixed_lately, overdue
from tests.support.elsewhere import Elsewhere, somebody_waits_for_a_lock
from tests.support.hospital import NOON, build_hospital, reading, say, seconds, state, telemetry
from tests.support.waiting import wait_until

CART = "cart-001"
ANA = Hand("user:ana", "kiosk/1 station", ward_id=1)
BEN = Hand("user:ben")


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        hear(1)
        yield


def hear(seq: int, after_s: float = 0, **values: object) -> None:
    at = NOON + seconds(after_s)
    say("telemetry", telemetry(reading(seq, at=at, **values)), at)  # type: ignore[arg-type]


def shown(after_s: float = 1) -> str:
    db.session.rollback()
    found = find_availability(NOON + seconds(after_s), DeviceKind.MEDICATION_CART)
    return next(row.availability for row in found.rows if row.asset_tag == "CART-001")


def audited() -> list[tuple[str, str, object, object]]:
    entries = select(AuditEntry).where(AuditEntry.action.startswith("device."))
    ordered = db.session.scalars(entries.order_by(AuditEntry.id))
    return [
        (entry.action, entry.actor, entry.before, entry.after)
        for entry in ordered
        if entry.action != "device.register"
    ]


def open_check_outs() -> int:
    db.session.rollback()
    return len(db.session.scalars(select(CheckOut).where(CheckOut.ended_at.is_(None))).all())


def test_a_taken_cart_leaves_the_pool_at_once_and_comes_back_when_it_is_returned() -> None:
    before = ward_revision("ward-3a")
    take_device(CART, ANA, NOON)
    assert shown() == Availability.IN_USE
    assert ward_revision("ward-3a") == (before or 0) + 1
    return_device(CART, BEN, NOON + seconds(1))
    assert shown(2) == Availability.AVAILABLE
    assert ward_revision("ward-3a") == (before or 0) + 2


def test_what_the_device_says_next_changes_nothing_about_who_has_it() -> None:
    take_device(CART, ANA, NOON)
    hear(2, 15, system={"idle_s": 4_000})
    assert state().availability == Availability.AVAILABLE  # its own word, kept as it was said
    assert shown(16) == Availability.IN_USE
    hear(3, 30, battery={"status": "charging", "power_source": "dock", "current_ma": 5_000})
    assert shown(31) == Availability.IN_USE
    return_device(CART, ANA, NOON + seconds(32))
    assert shown(33) == Availability.AVAILABLE


def test_a_taken_cart_that_runs_low_is_still_called_low() -> None:
    take_device(CART, ANA, NOON)
    hear(2, 15, soc=5)
    hear(3, 400, soc=5)
    assert shown(401) == Availability.LOW


def test_who_comes_second_is_told_who_was_first() -> None:
    take_device(CART, ANA, NOON)
    with pytest.raises(Conflict, match="ana was first: took CART-001 5 s ago"):
        take_device(CART, BEN, NOON + seconds(5))
    assert open_check_outs() == 1


def test_of_two_at_the_same_moment_one_gets_it(elsewhere: Elsewhere) -> None:
    together = Barrier(2)

    def take(hand: Hand) -> str:
        together.wait(10)
        try:
            return take_device(CART, hand, NOON).kind
        except Conflict as refused:
            return refused.message

    answers = [elsewhere(lambda hand=hand: take(hand)) for hand in (ANA, BEN)]  # type: ignore[misc]
    said = sorted(str(answer.result(30)) for answer in answers)
    assert said[1] == "take"
    assert said[0].endswith("was first: took CART-001 0 s ago")
    assert open_check_outs() == 1


def test_a_cart_that_leaves_management_at_that_moment_is_taken_by_nobody(
    elsewhere: Elsewhere,
) -> None:
    device = db.session.get_one(Device, 1)
    db.session.get_one(DeviceState, 1, with_for_update=True)
    device.lifecycle = Lifecycle.DECOMMISSIONED
    db.session.flush()
    late = elsewhere(lambda: take_device(CART, ANA, NOON))
    if db.engine.dialect.name == "postgresql":
        wait_until(somebody_waits_for_a_lock)
    db.session.commit()
    with pytest.raises(NotFound):
        late.result(30)
    assert open_check_outs() == 0


def test_what_nobody_has_cannot_be_returned() -> None:
    with pytest.raises(Conflict, match="CART-001 is not taken"):
        return_device(CART, ANA, NOON)


def test_a_broken_cart_is_out_of_service_even_when_silent_and_it_has_a_ticket() -> None:
    report_fault(CART, Hold.SCREEN, ANA, NOON)
    assert shown() == Availability.UNAVAILABLE
    assert shown(100_000) == Availability.UNAVAILABLE
    [ticket] = find_tickets().rows
    assert (ticket.asset_tag, ticket.reason, ticket.reported_by) == (
        "CART-001", "screen", "user:ana"
    )  # fmt: skip
    with pytest.raises(Conflict, match="reported broken: application or screen"):
        take_device(CART, BEN, NOON)
    with pytest.raises(Conflict, match="reported already"):
        report_fault(CART, Hold.MECHANICAL, BEN, NOON)


def test_a_reason_is_one_of_three() -> None:
    assert len(FAULTS) == 3
    for reason in ("taken", "", "coffee"):
        with pytest.raises(Invalid, match="reason: one of will_not_charge"):
            report_fault(CART, reason, ANA, NOON)


def test_fixed_by_it_it_is_in_the_pool_and_the_board_has_news_for_two_hours() -> None:
    deed = report_fault(CART, Hold.MECHANICAL, ANA, NOON)
    fix_fault(deed.key, "user:it", NOON + seconds(60), "new wheel")
    assert shown(61) == Availability.AVAILABLE
    assert find_tickets().rows == []
    assert find_tickets("fixed").rows[0].note == "new wheel"
    [news] = fixed_lately(1, DeviceKind.MEDICATION_CART, NOON + seconds(60))
    assert (news.asset_tag, news.reason) == ("CART-001", "mechanical")
    later = NOON + seconds(60) + timedelta(hours=2)
    assert fixed_lately(1, DeviceKind.MEDICATION_CART, later) == []
    with pytest.raises(Conflict, match="fixed already"):
        fix_fault(deed.key, "user:it", NOON)
    with pytest.raises(NotFound, match="no ticket 99"):
        fix_fault(99, "user:it", NOON)


def test_reporting_a_taken_cart_ends_its_check_out_and_undoing_it_gives_it_back() -> None:
    take_device(CART, ANA, NOON)
    deed = report_fault(CART, Hold.SCREEN, BEN, NOON)
    assert open_check_outs() == 0
    undo_deed(deed.kind, deed.key, BEN, NOON + seconds(5))
    assert open_check_outs() == 1
    assert shown() == Availability.IN_USE
    assert find_tickets("withdrawn").rows[0].asset_tag == "CART-001"


def deeds() -> list[tuple[str, str]]:
    """Each with what the cart is called once it is undone."""
    return [("take", "available"), ("return", "in_use"), ("broken", "available")]


def do(kind: str) -> Deed:
    if kind == "broken":
        return report_fault(CART, Hold.WILL_NOT_CHARGE, ANA, NOON)
    taken = take_device(CART, ANA, NOON)
    return taken if kind == "take" else return_device(CART, ANA, NOON)


@pytest.mark.parametrize(("kind", "shown_after"), deeds())
def test_each_deed_can_be_undone_for_ten_seconds(kind: str, shown_after: str) -> None:
    deed = do(kind)
    undo_deed(deed.kind, deed.key, ANA, NOON + seconds(10))
    assert shown() == shown_after
    with pytest.raises(Conflict, match=r"somebody has done something else|too long ago"):
        undo_deed(deed.kind, deed.key, ANA, NOON + seconds(10))


@pytest.mark.parametrize(("kind", "_"), deeds())
def test_later_or_by_somebody_else_it_cannot(kind: str, _: str) -> None:
    deed = do(kind)
    before = shown()
    with pytest.raises(Conflict, match="too long ago"):
        undo_deed(deed.kind, deed.key, ANA, NOON + seconds(12))
    with pytest.raises(Conflict, match="somebody else has done that"):
        undo_deed(deed.kind, deed.key, BEN, NOON + seconds(3))
    assert shown() == before


def test_what_has_changed_since_is_not_undone() -> None:
    deed = take_device(CART, ANA, NOON)
    return_device(CART, BEN, NOON + seconds(1))
    take_device(CART, BEN, NOON + seconds(2))
    with pytest.raises(Conflict, match="somebody has done something else"):
        undo_deed(deed.kind, deed.key, ANA, NOON + seconds(3))
    assert shown(4) == Availability.IN_USE
    with pytest.raises(NotFound):
        undo_deed("take", 999, ANA, NOON)
    with pytest.raises(NotFound):
        undo_deed("sell", deed.key, ANA, NOON)


def test_control_23_a_screen_of_one_ward_does_not_find_what_is_in_another() -> None:
    elsewhere = Hand("user:ana", "kiosk/2", ward_id=2)
    for attempt in (take_device, return_device):
        with pytest.raises(NotFound):
            attempt(CART, elsewhere, NOON)
    with pytest.raises(NotFound):
        report_fault(CART, Hold.SCREEN, elsewhere, NOON)
    with pytest.raises(NotFound):
        ring_device(CART, "locate", elsewhere, NOON)
    db.session.rollback()
    db.session.add(Zone(ward_id=2, code="3B-bay-7", name="bay 7"))
    db.session.commit()
    hear(2, 15, location={"zone": "3B-bay-7"})
    assert take_device(CART, elsewhere, NOON + seconds(16)).kind == "take"  # it stands there


def test_control_40_every_deed_is_on_record_with_who_where_before_and_after() -> None:
    taken = take_device(CART, ANA, NOON)
    undo_deed(taken.kind, taken.key, ANA, NOON)
    ticket = report_fault(CART, Hold.SCREEN, ANA, NOON).key
    fix_fault(ticket, "user:it", NOON)
    at = {"screen": "kiosk/1 station"}
    until = (NOON + timedelta(hours=9)).isoformat()
    assert audited() == [
        ("device.take", "user:ana", {"hold": "free"}, {"hold": "taken", "until": until} | at),
        ("device.take.undo", "user:ana", {"hold": "taken"}, {"hold": "free"} | at),
        ("device.broken", "user:ana", {"hold": "free"}, {"hold": "screen", "ticket": 1} | at),
        ("device.fixed", "user:it", {"hold": "screen"},
         {"hold": "free", "screen": None, "ticket": 1, "note": ""}),
    ]  # fmt: skip
    aspects = select(Transition.old, Transition.new).where(Transition.aspect == "hold")
    assert db.session.execute(aspects).all() == [
        ("free", "taken"), ("taken", "free"), ("free", "screen"), ("screen", "free")
    ]  # fmt: skip


def test_a_deed_that_is_refused_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    from fleet.services import take_device as module

    monkeypatch.setattr(module, "note", lambda *_args, **_more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        take_device(CART, ANA, NOON)
    assert open_check_outs() == 0
    assert shown() == Availability.AVAILABLE


def test_overdue_is_who_has_had_it_longer_than_the_longest_shift_and_an_hour() -> None:
    take_device(CART, ANA, NOON)
    due = NOON + timedelta(hours=9)
    assert overdue(due - seconds(1)) == []
    [late] = overdue(due)
    assert (late.asset_tag, late.taken_by, late.due_at) == ("CART-001", "user:ana", due)
    return_device(CART, ANA, due)
    assert overdue(due) == []


def test_no_rollout_touches_a_taken_cart_and_none_counts_it_as_free() -> None:
    def seen() -> tuple[str, int]:
        db.session.rollback()
        word = next(row for row in db.session.execute(candidates()) if row[0] == 1)[4]
        return word, stocks(db.session(), [1], NOON)[1, "medication_cart"].free

    assert seen() == ("available", 1)
    take_device(CART, ANA, NOON)
    assert seen() == ("in_use", 0)
    with pytest.raises(Conflict, match="in use"):
        send_command(CART, "reboot", "user:it", NOON)


def test_it_finds_devices_by_what_people_say_of_them() -> None:
    def found(word: str) -> int:
        db.session.rollback()
        return count_devices(DeviceFilter(availability=word), NOON + seconds(1))

    assert (found("available"), found("in_use"), found("unavailable")) == (1, 0, 0)
    take_device(CART, ANA, NOON)
    assert (found("available"), found("in_use"), found("unavailable")) == (0, 1, 0)
    report_fault(CART, Hold.SCREEN, ANA, NOON)
    assert (found("available"), found("in_use"), found("unavailable")) == (0, 0, 1)


def test_to_ring_is_a_command_and_no_change() -> None:
    ring_device(CART, "locate", ANA, NOON)
    command = db.session.scalars(select(DeviceCommand)).one()
    assert (command.name, command.created_by) == ("locate", "user:ana at kiosk/1 station")
    assert db.session.get_one(DeviceState, 1).hold is None
    assert db.session.scalars(select(FaultReport)).all() == []
    assert db.session.scalar(select(Ward.id).where(Ward.slug == "ward-3a")) == 1
