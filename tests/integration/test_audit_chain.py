"""The audit is one chain: whatever is edited, taken out or put in is named."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import delete, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from fleet.domain.audit_chain import GENESIS, link
from fleet.domain.words import AlertState
from fleet.services import audit
from fleet.services.audit_retention import forget_old_entries
from fleet.services.errors import Invalid
from fleet.services.places import add_site
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.database import db, snapshot, transaction
from fleet.store.migrate import MIGRATIONS
from fleet.store.models import AuditChain, AuditEntry, Site
from fleet.store.queries.audit_chain import End, Verdict, verify
from tests.support.hospital import NOON, build_hospital
from tests.support.which_database import on_sqlite

ENTRY = AuditEntry.__table__
CHAIN = AuditChain.__table__


@pytest.fixture
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(carts=3)
        yield


def verdict(kept_elsewhere: End | None = None) -> Verdict:
    db.session.rollback()
    with snapshot(db.engine) as connection:
        return verify(connection, kept_elsewhere)


def problem() -> str:
    return verdict().problem or ""


def tamper(*statements: Any) -> None:
    """As somebody does who has the database's password."""
    db.session.rollback()
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def entry(entry_id: int) -> dict[str, Any]:
    db.session.rollback()
    row = db.session.execute(select(ENTRY).where(ENTRY.c.id == entry_id)).mappings().one()
    db.session.rollback()
    return dict(row)


def test_what_the_service_writes_is_an_unbroken_chain(hospital: None) -> None:
    found = verdict()
    assert found.problem is None
    assert found.entries == found.end.id > 5
    assert entry(1)["previous_hash"] == GENESIS
    assert entry(found.end.id)["hash"] == found.end.hash


def test_whatever_is_edited_in_an_entry_it_is_named(hospital: None) -> None:
    true = entry(2)
    edits: list[dict[str, Any]] = [
        {"actor": "somebody else"},
        {"action": "ward.rename"},
        {"subject": "ward/ward-9"},
        {"at": NOON + timedelta(milliseconds=1)},
        {"before": {"name": "4A"}},
        {"after": None},
    ]
    for edit in edits:
        tamper(update(ENTRY).where(ENTRY.c.id == 2).values(**true | edit))
        assert problem().startswith("entry 2 ("), edit
        assert "was changed" in problem()
    tamper(update(ENTRY).where(ENTRY.c.id == 2).values(**true))
    assert problem() == ""


@on_sqlite
def test_an_entry_rewritten_with_a_hash_of_its_own_is_named(hospital: None) -> None:
    forged = entry(2) | {"actor": "somebody else"}
    forged["hash"] = link(forged["previous_hash"], forged)
    tamper(update(ENTRY).where(ENTRY.c.id == 2).values(**forged))
    assert "does not follow entry 2: entry 2 was rewritten" in problem()


@on_sqlite
def test_a_deleted_entry_is_missed(hospital: None) -> None:
    tamper(delete(ENTRY).where(ENTRY.c.id == 3))
    assert problem().startswith("entry 4 (")
    assert "does not follow entry 2: one between was deleted" in problem()


@on_sqlite
def test_a_deleted_beginning_is_missed(hospital: None) -> None:
    tamper(delete(ENTRY).where(ENTRY.c.id <= 2))
    assert "does not follow entry 0" in problem()


@on_sqlite
def test_a_cut_end_is_missed(hospital: None) -> None:
    end = verdict().end.id
    tamper(delete(ENTRY).where(ENTRY.c.id > end - 2))
    assert problem() == f"entry {end} is missing: the chain was cut after entry {end - 2}"


@on_sqlite
def test_an_entry_put_beside_the_chain_is_named(hospital: None) -> None:
    end = verdict().end
    forged = entry(end.id) | {"id": end.id + 1, "previous_hash": end.hash}
    forged["hash"] = link(end.hash, forged)
    tamper(insert(ENTRY).values(**forged))
    assert problem().startswith(f"entry {end.id + 1} (")
    assert "was added beside the chain" in problem()


@on_sqlite
def test_a_chain_written_anew_is_found_out_by_an_end_kept_elsewhere(hospital: None) -> None:
    kept = verdict().end
    add_site("other", "Other", "UTC", "test", NOON)
    assert verdict(kept).problem is None
    rows, last = [], GENESIS
    for entry_id in range(1, kept.id + 2):
        row = entry(entry_id) | {"actor": "somebody else", "previous_hash": last}
        last = row["hash"] = link(last, row)
        rows.append(row)
    tamper(delete(ENTRY), insert(ENTRY).values(rows), update(CHAIN).values(last_hash=last))
    assert verdict().problem is None
    assert "written anew" in (verdict(kept).problem or "")


def test_entries_that_had_their_time_leave_a_chain_that_proves_itself(hospital: None) -> None:
    old = verdict()
    later = NOON + timedelta(days=400)
    add_site("other", "Other", "UTC", "test", later)
    assert forget_old_entries(later, later) == old.entries
    assert forget_old_entries(later, later) == 0
    found = verdict()
    assert found.problem is None
    assert found.entries == 2  # the site, and that the old ones are gone
    assert verdict(old.end).problem is None


@on_sqlite
def test_a_beginning_cut_off_as_if_it_had_had_its_time_is_found_out(hospital: None) -> None:
    at = entry(3)
    tamper(
        delete(ENTRY).where(ENTRY.c.id <= 3),
        update(CHAIN).values(anchor_id=3, anchor_hash=at["hash"], entries=CHAIN.c.entries - 3),
    )
    assert problem() == "entries up to 3 are gone, and none says that they had their time"


@on_sqlite
def test_nothing_is_forgotten_within_its_time(hospital: None) -> None:
    assert forget_old_entries(NOON, NOON + timedelta(days=400)) == 0


def test_words_and_moments_are_hashed_as_the_database_gives_them_back(worker: Flask) -> None:
    odd = {
        "state": AlertState.OPEN,
        "pair": (1, 2.5),
        7: None,
        "text": "Zoë\x00\u2028",
        "no": False,
    }
    with worker.app_context():
        with transaction() as session:
            at = NOON + timedelta(microseconds=123_456)
            audit.record(session, "zoë", "try", "this", at, before=odd, after={})
        assert problem() == ""
        assert entry(1)["before"]["state"] == "open"


def test_concurrent_writers_make_one_chain(worker: Flask) -> None:
    together = Barrier(4)

    def write(name: str) -> None:
        with worker.app_context():
            together.wait()
            for number in range(5):
                add_site(f"{name}-{number}", name, "UTC", name, NOON)

    threads = [Thread(target=write, args=(name,)) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with worker.app_context():
        assert verdict()[::2] == (20, None)


def audited_in_vain() -> None:
    with transaction() as session:
        audit.record(session, "test", "site.add", "site/lindenhof", NOON)
        session.add(Site(slug="lindenhof", name="a second of this name"))


def test_an_entry_is_there_exactly_if_its_change_is(hospital: None) -> None:
    before = verdict()
    with pytest.raises(IntegrityError):
        audited_in_vain()
    with pytest.raises(Invalid):
        register_devices([NewDevice("X 1", "toaster", "ward-3a")], "test", NOON)
    add_site("y", "Y", "UTC", "test", NOON)
    assert verdict().entries == before.entries + 1
    assert entry(before.end.id + 1)["subject"] == "site/y"


def test_what_was_there_before_the_chain_is_chained_by_the_migration(worker: Flask) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with worker.app_context():
        with db.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0002")
        old = {"at": NOON, "actor": "zo\u00eb", "action": "a", "subject": "s", "after": {"n": 0.1}}
        tamper(*(insert(ENTRY).values(id=n, **old) for n in (1, 2, 5)))
        with db.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        assert verdict()[::2] == (3, None)
        tamper(text("UPDATE audit_entry SET actor = 'x' WHERE id = 2"))
        assert problem().startswith("entry 2 (")


def test_whoever_holds_the_end_of_the_chain_waits_for_nothing_else(hospital: None) -> None:
    """The entry comes first in the use case, and the words to devices that follow from it."""
    written: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        written.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    register_devices([NewDevice("CART-900", "medication_cart", "ward-3a")], "test", NOON)
    event.remove(db.engine, "before_cursor_execute", note)
    words, end = (
        [at for at, statement in enumerate(written) if name in statement]
        for name in ("outbox_message", "audit_chain")
    )
    assert words
    assert max(words) < min(end)
