"""Long work is done by who may do it at the moment when it is done, on both databases."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from fleet.domain.access import Reach
from fleet.domain.tasks import TaskState
from fleet.services.add_user import add_user
from fleet.services.api_tokens import create_api_token, revoke_api_token
from fleet.services.change_device import change_device
from fleet.services.disable_user import disable_user
from fleet.services.errors import Conflict
from fleet.services.tasks import work
from fleet.services.tasks.propose import propose_bulk, propose_import
from fleet.services.tasks.steer import KEPT_FOR, begin_task, forget_tasks
from fleet.services.tasks.work import work_on, work_tasks
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, Device, RoleGrant, TaskStep, User, Ward
from fleet.store.queries.tasks import steps_of, task_row
from tests.support.hospital import build_hospital
from tests.support.staff import PASSWORD

OTTO = "user:otto"
CARTS = ["cart-001", "cart-002"]


@pytest.fixture(autouse=True)
def hospital(worker: Flask, now: datetime) -> Iterator[None]:
    """`cart-001` in ward 3A and `cart-002` in 3B; otto is IT of the whole site."""
    with worker.app_context():
        build_hospital(now=now)
        change_device("cart-002", {"ward": "ward-3b"}, "test", now)
        add_user("otto", PASSWORD, "test", now, "it_operator", "site:lindenhof")
        yield


def has_only(*slugs: str) -> None:
    """Of otto's rights these wards are left."""
    with transaction() as session:
        grant = session.scalars(select(RoleGrant).join(User, User.id == RoleGrant.user_id)).one()
        wards = session.scalars(select(Ward.id).where(Ward.slug.in_(slugs))).all()
        session.execute(delete(RoleGrant))
        for ward in wards:
            session.add(
                RoleGrant(
                    user_id=grant.user_id, role=grant.role, ward_id=ward,
                    created_at=grant.created_at, created_by="test",
                )
            )  # fmt: skip


def proposed(now: datetime, actor: str = OTTO) -> int:
    reach = Reach(True, frozenset(), frozenset())
    return propose_bulk("command", {"command": "locate"}, CARTS, actor, now, reach)


def outcome(task_id: int) -> list[tuple[str, str]]:
    db.session.rollback()
    return [(step.state, step.words or "") for step in steps_of(task_id).rows]


def commands() -> list[str]:
    db.session.rollback()
    query = select(AuditEntry.subject).where(AuditEntry.action == "device.command")
    return list(db.session.scalars(query))


def must_be_cancelled(task_id: int) -> None:
    db.session.rollback()
    task = task_row(task_id)
    assert task
    assert (task.state, task.ended_by) == (TaskState.CANCELLED, "system")
    entry = select(AuditEntry.actor).where(
        AuditEntry.action == "task.cancel", AuditEntry.subject == f"task/{task_id}"
    )
    assert list(db.session.scalars(entry)) == ["system"]


@pytest.mark.parametrize("begun", [False, True])
def test_who_has_lost_a_ward_changes_nothing_there_any_more(now: datetime, begun: bool) -> None:
    task_id = proposed(now)
    if begun:
        begin_task(task_id, OTTO, now)
    has_only("ward-3a")
    if not begun:
        begin_task(task_id, OTTO, now)
    work_tasks(now)
    assert outcome(task_id)[0][0] == "done"
    assert outcome(task_id)[1] == (
        "refused", "who has proposed it may not change cart-002 any more"
    )  # fmt: skip
    assert commands() == ["cart-001"]


def test_nothing_is_moved_to_a_ward_that_was_lost(now: datetime) -> None:
    task_id = propose_bulk("move", {"ward": "ward-3b"}, ["cart-001"], OTTO, now)
    begin_task(task_id, OTTO, now)
    has_only("ward-3a")
    work_tasks(now)
    assert outcome(task_id)[0][0] == "refused"
    assert "ward-3b any more" in outcome(task_id)[0][1]


def test_steps_of_who_is_disabled_half_way_are_not_done(now: datetime) -> None:
    task_id = proposed(now)
    begin_task(task_id, OTTO, now)
    assert work_on(task_id, now, most=1) == 1
    add_user("ada", PASSWORD, "test", now, "administrator", "everything")
    disable_user("otto", "user:ada", now)
    work_tasks(now)
    must_be_cancelled(task_id)
    assert commands() == ["cart-001"]
    forget_tasks(now + KEPT_FOR * 2)
    assert db.session.scalars(select(TaskStep)).all() == []


def test_who_may_nowhere_any_more_cannot_begin_and_it_is_cancelled(now: datetime) -> None:
    task_id = proposed(now)
    has_only()
    with pytest.raises(Conflict, match="may not change devices any more"):
        begin_task(task_id, OTTO, now)
    must_be_cancelled(task_id)


@pytest.mark.parametrize("begun", [False, True])
def test_an_import_is_for_who_has_everything_now(now: datetime, begun: bool) -> None:
    with transaction() as session:
        session.execute(update(RoleGrant).values(site_id=None))
    task_id = propose_import("asset_tag,kind,ward\nT-1,tablet,ward-3a\n", OTTO, now)
    if begun:
        begin_task(task_id, OTTO, now)
    has_only("ward-3a", "ward-3b")
    if begun:
        work_tasks(now)
        assert outcome(task_id)[0][0] == "refused"
    else:
        with pytest.raises(Conflict, match="every device"):
            begin_task(task_id, OTTO, now)
    assert db.session.scalars(select(Device).where(Device.asset_tag == "T-1")).all() == []


def test_a_program_does_it_while_its_token_counts(now: datetime) -> None:
    create_api_token("t", ["read", "write"], None, "test", now, "it_operator", "everything")
    task_id = proposed(now, "token/1")
    begin_task(task_id, "token/1", now)
    assert work_on(task_id, now, most=1) == 1
    revoke_api_token(1, "test", now)
    work_tasks(now)
    must_be_cancelled(task_id)
    assert commands() == ["cart-001"]


def test_a_step_that_fails_for_no_good_reason_stops_no_other(
    now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task_id, other = proposed(now), proposed(now)
    for each in (task_id, other):
        begin_task(each, OTTO, now)
    real = work.send_command

    def broken(device_id: str, *args: object, **values: object) -> None:
        if device_id == "cart-001":
            raise ZeroDivisionError
        real(device_id, *args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "send_command", broken)
    work_tasks(now)
    for each in (task_id, other):
        assert outcome(each)[0] == ("refused", "a fault of the service: see the log")
        assert outcome(each)[1][0] == "done"
        assert task_row(each).state == TaskState.DONE  # type: ignore[union-attr]
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_is_away_refuses_no_step_and_other_tasks_go_on(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id, other = proposed(now), proposed(now)
    for each in (task_id, other):
        begin_task(each, OTTO, now)
    real = work._work_on

    def away(task: int, *args: object) -> int:
        if task == task_id:
            raise OSError("away")
        return real(task, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "_work_on", away)
    with pytest.raises(OSError, match="away"):
        work_tasks(now)
    assert [state for state, _ in outcome(other)] == ["done", "done"]
    assert [state for state, _ in outcome(task_id)] == ["waiting", "waiting"]
