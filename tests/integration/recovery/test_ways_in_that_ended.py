"""After a restore no screen, session or long work of before goes on, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from fleet.services.add_user import add_user
from fleet.services.badges import give_badge
from fleet.services.errors import NotFound
from fleet.services.kiosk_sessions import kiosk_session, show_badge
from fleet.services.kiosks import add_kiosk, register_kiosk
from fleet.services.recovered import recovered
from fleet.services.tasks.propose import propose_bulk
from fleet.services.tasks.steer import begin_task
from fleet.services.tasks.work import work_tasks
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, PasskeyChallenge, Task
from fleet.store.queries.kiosks import kiosk_by_token, kiosks
from tests.support.hospital import NOON
from tests.support.staff import PASSWORD

SECRET = "0123456789abcdef" * 4
LATER = NOON + timedelta(seconds=30)


def test_screens_and_who_stands_before_them_are_not_trusted_after_a_restore(
    hospital: None,
) -> None:
    add_user("ben", PASSWORD, "test", NOON, "ward_nurse", "everything")
    give_badge("ben", "0004711", "2580", SECRET, "test", NOON)
    code = add_kiosk("ward-3a", "Wall", "test", NOON)
    token, _ = register_kiosk(code, NOON)
    waits = add_kiosk("ward-3a", "Desk", "test", NOON)
    screen = kiosk_by_token(token)
    assert screen
    session, _ = show_badge(screen, "0004711", SECRET, timedelta(minutes=1), NOON)
    with transaction() as written:
        values = {"key_hash": "k", "purpose": "sign_in", "challenge": b"c", "expires_at": LATER}
        written.execute(insert(PasskeyChallenge).values(**values))
    assert kiosk_session(session, LATER)
    recovered({}, "test", LATER)
    assert kiosk_session(session, LATER) is None
    assert kiosk_by_token(token) is None
    assert kiosks() == []
    assert db.session.scalars(select(PasskeyChallenge)).all() == []
    with pytest.raises(NotFound):
        register_kiosk(waits, LATER)


def test_long_work_does_not_go_on_by_itself_after_a_restore(hospital: None) -> None:
    add_user("ada", PASSWORD, "test", NOON, "administrator", "everything")
    locate = {"command": "locate"}
    ids = [propose_bulk("command", locate, ["cart-001"], "user:ada", NOON) for _ in range(3)]
    begin_task(ids[0], "user:ada", NOON)
    begin_task(ids[1], "user:ada", NOON)
    assert work_tasks(NOON, most=1) == 1
    recovered({}, "test", LATER)
    assert work_tasks(LATER) == 0
    tasks = db.session.scalars(select(Task).order_by(Task.id)).all()
    assert [(task.state, task.ended_by) for task in tasks] == [("cancelled", "system")] * 3
    entries = select(AuditEntry.subject).where(AuditEntry.action == "task.cancel")
    assert sorted(db.session.scalars(entries)) == [f"task/{task_id}" for task_id in ids]
