"""25. Backup and restore: what was revoked after the backup stays revoked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from fleet.config import Settings
from fleet.jobs.certificates import publish_revocations
from fleet.pki.authority import Revoked
from fleet.pki.folder import Folder
from fleet.recovery.backup import take_backup
from fleet.recovery.restore import How, recovered_in_place, restore
from fleet.recovery.revocations import BESIDE_BACKUPS
from fleet.services.certify_devices import certify_devices
from fleet.services.errors import Unauthorized
from fleet.services.renew_certificate import renew_certificate
from fleet.services.revoke_device import revoke_device
from fleet.store.database import db
from fleet.store.models import AuditEntry, Certificate, Device
from fleet.wire.requests import common_name, new_key, request
from tests.support.hospital import build_hospital, inside


class Stolen:
    """`cart-001` has a certificate that is in the backup, and is revoked after that."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.at = settings, datetime.now(UTC)
        authority = settings.pki.make(settings.server_names(), self.at)
        build_hospital(now=self.at)
        requests = {name: request(new_key(), name) for name in ("cart-001", "cart-002")}
        signed = certify_devices(authority, requests, "test", self.at)
        self.serial = signed["cart-001"].serial_number
        self.backup = take_backup(settings, settings.backup_dir, 3, "test", self.at).path
        revoke_device("cart-001", "user:ada", self.at)
        publish_revocations(settings, self.at)

    def must_be_known(self, settings: Settings) -> None:
        """To the broker by the list, and to the database: or the device could renew it."""
        crl = settings.pki.read_crl()
        assert crl is not None
        assert crl.get_revoked_certificate_by_serial_number(self.serial) is not None
        revoked = select(Device.device_id).join(Certificate, Certificate.device_pk == Device.id)
        known = revoked.where(Certificate.revoked_at.is_not(None))
        assert list(db.session.scalars(known)) == ["cart-001"]
        with pytest.raises(Unauthorized, match="not valid"):
            renew_certificate(
                settings.pki.authority(), self.serial, request(new_key(), "cart-001"), self.at
            )


@pytest.fixture
def stolen(worker: Flask, settings: Settings) -> Iterator[Stolen]:
    with worker.app_context():
        yield Stolen(settings)


def test_what_was_revoked_after_the_backup_stays_revoked_on_another_machine(
    stolen: Stolen, elsewhere: Settings
) -> None:
    """By the copy of the list beside the backups: of the former machine nothing else is left."""
    restored = restore(elsewhere, stolen.backup, How("test", stolen.at))
    assert restored.revoked == 1
    with inside(elsewhere):
        stolen.must_be_known(elsewhere)
        revoked = [entry.subject for entry in db.session.scalars(select(AuditEntry).where(
            AuditEntry.action == "certificate.revoke"))]  # fmt: skip
        assert revoked == ["cart-001"]


def test_a_list_that_somebody_else_has_signed_revokes_nobody(
    stolen: Stolen, elsewhere: Settings, tmp_path: Path
) -> None:
    foreign = Folder(tmp_path / "foreign")
    authority = foreign.make(["localhost"], stolen.at)
    foreign.write_crl(authority, [Revoked(stolen.serial, stolen.at)], stolen.at)
    (stolen.backup.parent / BESIDE_BACKUPS).write_bytes(foreign.crl.read_bytes())
    assert restore(elsewhere, stolen.backup, How("test", stolen.at)).revoked == 0
    crl = elsewhere.pki.read_crl()
    assert crl is not None
    assert common_name(crl.issuer) != common_name(authority.certificate.subject)


def test_what_was_revoked_stays_revoked_where_the_backup_is_put_back_in_place(
    stolen: Stolen, settings: Settings
) -> None:
    """The newest list counts, not the one in the backup; the copy beside it may be gone."""
    (stolen.backup.parent / BESIDE_BACKUPS).unlink()
    before = settings.pki.crl.read_bytes()
    db.session.remove()
    db.engine.dispose()
    assert restore(settings, stolen.backup, How("test", stolen.at, force=True)).revoked == 1
    assert settings.pki.crl.read_bytes() == before
    with inside(settings):
        stolen.must_be_known(settings)


@pytest.mark.parametrize("by", ["fleet recovered", "schedule"])
def test_a_database_put_back_by_other_means_hears_of_it_from_the_list(
    stolen: Stolen, settings: Settings, by: str
) -> None:
    db.session.execute(update(Certificate).values(revoked_at=None))
    db.session.commit()
    db.session.remove()
    if by == "schedule":
        publish_revocations(settings, stolen.at + timedelta(seconds=5))
    else:
        db.engine.dispose()
        recovered_in_place(settings, How("test", stolen.at))
    with inside(settings):
        stolen.must_be_known(settings)
