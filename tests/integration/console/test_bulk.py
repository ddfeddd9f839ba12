"""Actions on many devices: looked at first, done one by one, each once, on both databases."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from fleet.domain.bulk import Picture, effect
from fleet.domain.tasks import TaskKind, TaskState
from fleet.services.add_user import add_user
from fleet.services.change_device import change_device
from fleet.services.decommission_device import decommission_device
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.tasks import propose, work
from fleet.services.tasks.propose import propose_bulk, propose_import
from fleet.services.tasks.steer import KEPT_FOR, begin_task, cancel_task, forget_tasks
from fleet.services.tasks.work import work_on, work_tasks
from fleet.store.database import db, transaction
from fleet.store.enrolment import EnrolmentToken
from fleet.store.models import AuditEntry, Device, DeviceCommand, Task, TaskStep, Ward
from fleet.store.queries.tasks import steps_of, task_row
from tests.support.console import form
from tests.support.hospital import build_hospital
from tests.support.staff import PASSWORD

CARTS = [f"cart-{n:03d}" for n in range(1, 6)]


@pytest.fixture
def hospital(worker: Flask, now: datetime) -> Any:
    with worker.app_context():
        build_hospital(carts=5, now=now)
        add_user("ada", PASSWORD, "test", now, "administrator", "everything")
        yield


def wards() -> dict[str, str]:
    db.session.rollback()
    query = select(Device.device_id, Ward.slug).join(Ward, Ward.id == Device.ward_id)
    return {row[0]: row[1] for row in db.session.execute(query)}


def states(task_id: int) -> list[str]:
    db.session.rollback()
    return [step.state for step in steps_of(task_id).rows]


def entries(action: str) -> list[tuple[str, str]]:
    db.session.rollback()
    query = select(AuditEntry.actor, AuditEntry.subject).where(AuditEntry.action == action)
    return [(row[0], row[1]) for row in db.session.execute(query.order_by(AuditEntry.id))]


def wait_for_approval(ids: list[str], now: datetime) -> None:
    make_tokens(ids, False, "test", now)
    with transaction() as session:
        session.execute(update(EnrolmentToken).values(used_at=now))
        session.execute(update(Device).where(Device.device_id.in_(ids)).values(pending=True))


def moved(now: datetime, ids: list[str] = CARTS) -> int:
    task_id = propose_bulk("move", {"ward": "ward-3b"}, ids, "user:ada", now)
    begin_task(task_id, "user:ada", now)
    return task_id


def test_nothing_changes_by_looking_and_what_will_not_change_says_why(
    hospital: None, now: datetime
) -> None:
    decommission_device("cart-002", "test", now)
    task_id = propose_bulk("move", {"ward": "ward-3a"}, CARTS[:2], "user:ada", now)
    assert [step.words for step in steps_of(task_id).rows] == [
        "is in ward-3a already",
        "is decommissioned",
    ]
    assert work_tasks(now) == 0
    assert entries("device.change") == []
    with pytest.raises(Conflict, match="nothing to do"):
        begin_task(task_id, "user:ada", now)


def test_each_device_is_changed_and_audited_in_the_name_of_who_began_it(
    hospital: None, now: datetime
) -> None:
    task_id = moved(now)
    assert work_tasks(now) == 5
    assert set(wards().values()) == {"ward-3b"}
    assert entries("device.change") == [("user:ada", device) for device in CARTS]
    assert entries("task.begin") == [("user:ada", f"task/{task_id}")]
    task = task_row(task_id)
    assert task
    assert (task.state, task.done, task.refused) == (TaskState.DONE, 5, 0)


def test_one_that_has_changed_since_it_was_looked_at_is_refused_and_the_others_are_done(
    hospital: None, now: datetime
) -> None:
    task_id = moved(now)
    with transaction() as session:
        session.execute(
            update(Device).where(Device.device_id == "cart-003").values(version=Device.version + 1)
        )
    work_tasks(now)
    assert states(task_id) == ["done", "done", "refused", "done", "done"]
    assert wards()["cart-003"] == "ward-3a"
    assert "has changed since" in (steps_of(task_id, "refused").rows[0].words or "")


@pytest.mark.parametrize(
    ("kind", "wanted"), [("command", {"command": "locate"}), ("approve", {}), ("decommission", {})]
)
def test_whatever_is_done_to_a_device_is_done_to_the_one_that_was_looked_at(
    hospital: None, now: datetime, kind: str, wanted: dict[str, str]
) -> None:
    wait_for_approval(CARTS[:2], now)
    task_id = propose_bulk(kind, wanted, CARTS[:2], "user:ada", now)
    begin_task(task_id, "user:ada", now)
    change_device("cart-001", {"ward": "ward-3b"}, "user:bob", now)
    work_tasks(now)
    assert states(task_id) == ["refused", "done"]
    assert "has changed since" in (steps_of(task_id, "refused").rows[0].words or "")
    action = {"command": "device.command", "approve": "enrolment.approve"}
    assert entries(action.get(kind, "device.decommission")) == [("user:ada", "cart-002")]


def test_a_process_that_dies_within_a_step_leaves_it_to_be_done_once(
    hospital: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step's own words are written, and then the process is gone before the commit."""
    task_id = propose_bulk("command", {"command": "locate"}, CARTS, "user:ada", now)
    begin_task(task_id, "user:ada", now)

    class Killed(BaseException):
        pass

    real, asked = work._mark, 0

    def die(*args: Any, **values: Any) -> None:
        nonlocal asked
        asked += 1
        real(*args, **values)
        if asked == 3:
            raise Killed

    monkeypatch.setattr(work, "_mark", die)
    with pytest.raises(Killed):
        work_tasks(now)
    monkeypatch.setattr(work, "_mark", real)
    assert states(task_id) == ["done", "done", "waiting", "waiting", "waiting"]
    assert work_tasks(now) == 3
    count = select(func.count()).select_from(DeviceCommand)
    assert db.session.scalar(count) == len(entries("device.command")) == 5


def test_two_who_work_on_one_task_do_no_step_twice(
    hospital: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = propose_bulk("command", {"command": "locate"}, CARTS, "user:ada", now)
    begin_task(task_id, "user:ada", now)
    stale = work._waiting(task_id, 10)
    assert work_on(task_id, now) == 5
    monkeypatch.setattr(work, "_waiting", lambda *_: stale)  # as the other one has read it before
    work_on(task_id, now)
    assert len(entries("device.command")) == 5
    task = task_row(task_id)
    assert task
    assert (task.done, task.refused) == (5, 0)


def test_a_long_one_goes_on_turn_by_turn_and_stops_where_it_is_cancelled(
    hospital: None, now: datetime
) -> None:
    task_id = moved(now)
    assert work_tasks(now, most=2) == 2
    cancel_task(task_id, "user:bob", now)
    assert work_tasks(now) == 0
    assert sorted(wards().values()).count("ward-3b") == 2
    task = task_row(task_id)
    assert task
    assert (task.state, task.done, task.ended_by) == (TaskState.CANCELLED, 2, "user:bob")
    with pytest.raises(Conflict, match="cancelled already"):
        cancel_task(task_id, "user:bob", now)


def test_cancelled_while_a_step_is_at_work_that_step_is_not_done(
    hospital: None, now: datetime
) -> None:
    task_id = moved(now)
    work._start(task_id, now)
    waiting = work._waiting(task_id, 1)
    cancel_task(task_id, "user:ada", now)
    with pytest.raises(work.Taken), transaction() as session:
        work._claim(task_id, waiting[0][0], session)
    assert states(task_id) == ["waiting"] * 5


def test_only_who_proposed_it_begins_it_and_once(hospital: None, now: datetime) -> None:
    task_id = propose_bulk("move", {"ward": "ward-3b"}, CARTS, "user:ada", now)
    with pytest.raises(Conflict, match="in their name"):
        begin_task(task_id, "user:bob", now)
    begin_task(task_id, "user:ada", now)
    with pytest.raises(Conflict, match="queued already"):
        begin_task(task_id, "user:ada", now)
    with pytest.raises(NotFound):
        begin_task(task_id + 1, "user:ada", now)


@pytest.mark.parametrize(
    ("kind", "wanted", "ids", "field"),
    [
        ("explode", {}, CARTS, "action"),
        ("import", {}, CARTS, "action"),
        ("move", {"ward": "nowhere"}, CARTS, "ward"),
        ("move", {"ward": ""}, CARTS, "ward"),
        ("command", {"command": "explode"}, CARTS, "command"),
        ("decommission", {}, [], "devices"),
        ("decommission", {}, ["nobody"], "devices"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_the_field(
    hospital: None, now: datetime, kind: str, wanted: dict[str, str], ids: list[str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        propose_bulk(kind, wanted, ids, "user:ada", now)
    assert list(refused.value.fields) == [field]


def test_no_task_bears_more_devices_than_a_transaction_does(
    hospital: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propose, "MOST_DEVICES", 4)
    with pytest.raises(Invalid, match="choose from 1 to 4, not 5"):
        propose_bulk("decommission", {}, CARTS, "user:ada", now)


def test_devices_that_wait_are_approved_and_others_are_not(hospital: None, now: datetime) -> None:
    wait_for_approval(["cart-001"], now)
    task_id = propose_bulk("approve", {}, CARTS[:2], "user:ada", now)
    assert [step.state for step in steps_of(task_id).rows] == ["waiting", "refused"]
    begin_task(task_id, "user:ada", now)
    work_tasks(now)
    assert entries("enrolment.approve") == [("user:ada", "cart-001")]


def test_decommissioned_together_they_are_gone(hospital: None, now: datetime) -> None:
    task_id = propose_bulk("decommission", {}, CARTS[1:], "user:ada", now)
    begin_task(task_id, "user:ada", now)
    work_tasks(now)
    assert entries("device.decommission") == [("user:ada", device) for device in CARTS[1:]]


def test_a_long_table_is_registered_part_by_part_and_a_bad_part_not_at_all(
    hospital: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propose, "LINES_A_STEP", 2)
    rows = [f"T-{n},tablet,ward-3a" for n in range(6)]
    rows[3] = "T-3,pump,ward-3a"
    text = "asset_tag,kind,ward\n" + "\n".join(rows)
    task_id = propose_import(text, "user:ada", now)
    found = steps_of(task_id).rows
    assert [step.subject for step in found] == ["lines 2 to 3", "lines 4 to 5", "lines 6 to 7"]
    assert found[1].state == "refused"
    assert found[1].words == "line 5: kind: one of medication_cart, tablet"
    register_devices([NewDevice("T-5", "tablet", "ward-3b")], "test", now)
    begin_task(task_id, "user:ada", now)
    work_tasks(now)
    assert states(task_id) == ["done", "refused", "refused"]
    assert set(wards()) == {*CARTS, "t-0", "t-1", "t-5"}


def test_what_nobody_begins_and_what_is_long_over_is_forgotten(
    hospital: None, now: datetime
) -> None:
    proposed = propose_bulk("move", {"ward": "ward-3b"}, CARTS, "user:ada", now)
    done = moved(now)
    work_tasks(now)
    forget_tasks(now + timedelta(hours=23))
    assert task_row(proposed)
    forget_tasks(now + timedelta(hours=25))
    assert task_row(proposed) is None
    assert task_row(done)
    forget_tasks(now + KEPT_FOR + timedelta(seconds=1))
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(TaskStep)) == 0
    assert db.session.scalar(select(func.count()).select_from(Task)) == 0


def test_nobody_reboots_a_cart_in_use() -> None:
    busy = Picture("enrolled", "ward-3a", "in_use", waits=False)
    assert effect(TaskKind.COMMAND, {"command": "reboot"}, busy).refusal
    assert effect(TaskKind.COMMAND, {"command": "locate"}, busy).change


# --- On the pages ---------------------------------------------------------------------------


@pytest.fixture
def send(ada: FlaskClient) -> Callable[..., str]:
    """Posts a form of the console; returns where it leads."""

    def post(path: str, **values: Any) -> str:
        answer = ada.post(path, data=form(ada.get("/it/devices").text) | values)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    return post


def test_ticked_devices_are_looked_at_then_moved(
    app: Flask, ada: FlaskClient, send: Callable[..., str]
) -> None:
    ticked = ["cart-001", "cart-003"]
    place = send("/it/devices/bulk", action="move", ward="ward-3b", device=ticked)
    page = ada.get(place).text
    assert "2 will change, 0 will not. Nothing is done yet." in page
    assert "ward ward-3a → ward-3b" in page
    assert send(f"{place}/begin") == place
    assert "2 of 2 done, 0 refused" in ada.get(place).text
    with app.app_context():
        assert wards()["cart-003"] == "ward-3b"
    assert ada.get(f"{place}.csv").text.count("done") == 2


def test_all_that_fit_the_filter_are_chosen_and_no_others(
    app: Flask, ada: FlaskClient, send: Callable[..., str], now: datetime
) -> None:
    with app.app_context():
        register_devices([NewDevice("TAB-1", "tablet", "ward-3a")], "test", now)
    kind = {"filter_kind": "medication_cart", "filter_q": "cart-00"}
    place = send("/it/devices/bulk", action="command", command="locate", all="1", **kind)
    page = ada.get(place).text
    assert "3 will change" in page
    assert "TAB-1" not in page


def test_what_is_longer_than_an_answer_bears_is_left_to_the_schedule(
    app: Flask, ada: FlaskClient, send: Callable[..., str], now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("fleet.web.views.tasks.AT_ONCE", 2)
    place = send("/it/devices/bulk", action="move", ward="ward-3b", all="1")
    send(f"{place}/begin")
    assert "0 of 3 done" in ada.get(place).text
    with app.app_context():
        work_tasks(now)
    assert "3 of 3 done" in ada.get(place).text
    assert re.search(r"3 of 3\b", ada.get("/it/tasks").text)


def test_a_refusal_sends_back_with_words(ada: FlaskClient, send: Callable[..., str]) -> None:
    assert send("/it/devices/bulk", action="move", device="cart-001", back="/it/devices") == (
        "/it/devices"
    )
    assert "choose the ward they move to" in ada.get("/it/devices").text
    assert ada.get("/it/tasks/99").status_code == 404
