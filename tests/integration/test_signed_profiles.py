"""What the service says of a signed profile, a device follows; and what it cannot sign, it says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from flask import Flask
from sqlalchemy import select

from fleet.device.trusted import Trusted
from fleet.services.errors import Invalid
from fleet.services.sign_profile import manifest_of, sign_profile
from fleet.signing.online import online_key_path
from fleet.store.audit import AuditEntry
from fleet.store.database import db
from fleet.trust.refusal import Reason, Refused
from fleet.wire.messages import Desired
from tests.support.api import Hospital
from tests.support.fragile_disk import FragileDisk
from tests.support.releases import Workshop

YEAR = timedelta(days=365)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.load()
    hospital.assign()
    hospital.register("CART-001")
    return hospital


@pytest.fixture
def workshop(hospital: Hospital, tmp_path: Path) -> Workshop:
    workshop = Workshop(hospital.app, tmp_path)
    key = online_key_path(hospital.app.config["FLEET"].data_dir)
    key.parent.mkdir(parents=True)
    key.write_bytes((workshop.ceremony.folder / "online.pem").read_bytes())
    key.chmod(0o600)
    return workshop


def trusting(workshop: Workshop) -> Trusted:
    trusted = Trusted(FragileDisk(), Path("/firmware"))
    trusted.anchor(workshop.ceremony.envelope)
    return trusted


def said(hospital: Hospital) -> Desired:
    return msgspec.convert(hospital.desired("cart-001"), Desired)


def enter(workshop: Workshop, by: str = "release", number: int = 1) -> int:
    with workshop.app.app_context():
        now = datetime.now(UTC)
        envelope = workshop.ceremony.sign(manifest_of("carts", 1, now, YEAR), by)
        return sign_profile("carts", number, envelope, "user:ada", now)


def test_a_device_follows_a_signed_profile(hospital: Hospital, workshop: Workshop) -> None:
    before = said(hospital)
    with pytest.raises(Refused) as refusal:
        trusting(workshop).profile(before, "cart-001", datetime.now(UTC))
    assert refusal.value.reason == Reason.UNSIGNED
    assert enter(workshop) == 1
    after = said(hospital)
    assert after.generation == before.generation + 1
    trusting(workshop).profile(after, "cart-001", datetime.now(UTC))
    hospital.register("CART-002")
    with pytest.raises(Refused):
        trusting(workshop).profile(after, "cart-002", datetime.now(UTC))
    with hospital.app.app_context():
        assert "profile.sign" in db.session.scalars(select(AuditEntry.action)).all()


def test_only_a_release_key_signs_a_profile(hospital: Hospital, workshop: Workshop) -> None:
    with pytest.raises(Invalid, match="release keys"):
        enter(workshop, by="online")
    hospital.load(title="Carts of another kind", settings={"bluetooth": True})
    with pytest.raises(Invalid, match="not about version 2"):
        enter(workshop, number=2)
    assert said(hospital).manifest is None


def test_without_the_online_key_the_word_goes_out_undirected_and_nothing_breaks(
    hospital: Hospital, workshop: Workshop
) -> None:
    online_key_path(hospital.app.config["FLEET"].data_dir).unlink()
    enter(workshop)
    assert (said(hospital).manifest is not None, said(hospital).direction) == (True, None)
