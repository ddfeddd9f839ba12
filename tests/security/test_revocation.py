"""Control 3 as a whole: from the word of IT to the end of the session, within a minute."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from flask import Flask
from sqlalchemy import select

from fleet import create_worker
from fleet.jobs.certificates import publish_revocations
from fleet.metrics import snapshot, values
from fleet.services.revoke_device import revoke_device
from fleet.store.database import db
from fleet.store.models import Certificate
from tests.security.test_devices_and_broker import connected
from tests.support.hospital import build_hospital
from tests.support.secured import Secured, answer, serial_of
from tests.support.waiting import wait_until

LIMIT_S = 60
EVERY = timedelta(seconds=5)


@pytest.fixture
def hospital(secured: Secured) -> Iterator[Flask]:
    app = create_worker(secured.settings)
    with app.app_context():
        build_hospital(now=datetime.now(UTC))
        yield app
        db.session.remove()
        db.engine.dispose()


def test_control_03_a_revoked_device_is_off_the_broker_within_a_minute_and_stays_off(
    secured: Secured, hospital: Flask
) -> None:
    stolen, other = secured.recorded("cart-001"), secured.recorded("cart-002")
    live = connected(secured, "cart-001", stolen.context())
    beside = connected(secured, "cart-002", other.context())
    began = monotonic()
    revoke_device("cart-001", "user:ada", datetime.now(UTC))
    publish_revocations(secured.settings, datetime.now(UTC))
    wait_until(lambda: not live.is_connected(), LIMIT_S, what="the live session to end")
    wait_until(lambda: "revoked" in answer(secured.port, stolen.context()), LIMIT_S)
    assert monotonic() - began < LIMIT_S
    assert beside.is_connected()
    assert answer(secured.port, other.context(), "cart-003") == "accepted"
    for client in (live, beside):
        client.disconnect()
        client.loop_stop()


def test_sessions_are_ended_until_every_broker_has_read_the_list(
    secured: Secured, hospital: Flask
) -> None:
    """Who comes back before the broker knows the list is put out once more."""
    secured.recorded("cart-001")
    now = datetime.now(UTC)
    revoke_device("cart-001", "user:ada", now)

    def is_settled(after: timedelta) -> bool:
        publish_revocations(secured.settings, now + after)
        db.session.rollback()
        return db.session.scalars(select(Certificate.dropped_at)).one() is not None

    assert not is_settled(EVERY)
    assert not is_settled(timedelta(seconds=90))
    assert is_settled(timedelta(minutes=2))


def test_a_restored_database_that_forgot_a_revocation_does_not_undo_it(
    secured: Secured, hospital: Flask
) -> None:
    stolen = secured.recorded("cart-001")
    now = datetime.now(UTC)
    revoke_device("cart-001", "user:ada", now)
    publish_revocations(secured.settings, now)
    db.session.execute(Certificate.__table__.update().values(revoked_at=None))  # type: ignore[attr-defined]
    db.session.commit()
    publish_revocations(secured.settings, now + timedelta(days=2))
    crl = secured.settings.pki.read_crl()
    assert crl is not None
    assert [entry.serial_number for entry in crl] == [serial_of(stolen)]
    db.session.rollback()
    assert db.session.scalars(select(Certificate.revoked_at)).one() is not None


def test_the_list_is_written_anew_each_day_and_not_more_often(
    secured: Secured, hospital: Flask
) -> None:
    now, crl = datetime.now(UTC), secured.settings.pki.crl
    first = crl.read_bytes()
    publish_revocations(secured.settings, now + timedelta(hours=23))
    assert crl.read_bytes() == first
    publish_revocations(secured.settings, now + timedelta(hours=25))
    assert crl.read_bytes() != first


def test_when_everything_ends_can_be_read_from_outside(secured: Secured, hospital: Flask) -> None:
    publish_revocations(secured.settings, datetime.now(UTC))
    found = values(snapshot(), "wardfleet_certificate_expiry_timestamp_seconds")
    ends = {dict(labels)["name"]: at for labels, at in found.items()}
    assert ends.keys() == {
        "authority", "server", "ingest", "schedule", "doctor", "revocation_list",
    }  # fmt: skip
    in_days = (ends["ingest"] - datetime.now(UTC).timestamp()) / 86_400
    assert 89 < in_days < 90
