"""Controls 11 to 14, and the way of a device from its label to its renewal, over real HTTPS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select

from fleet import create_worker
from fleet.config import Settings
from fleet.device import est
from fleet.device.credentials import Credentials
from fleet.device.enrol import enrol as enrol_machine
from fleet.device.enrol import renew_if_due
from fleet.device.run import firmware_of
from fleet.pki.authority import Authority, is_due
from fleet.services.approve_device import approve_device, refuse_device
from fleet.services.decommission_device import decommission_device
from fleet.services.enrol_device import enrol_device
from fleet.services.errors import Conflict, Invalid, Unauthorized
from fleet.services.install_trust import install_trust
from fleet.services.renew_certificate import renew_certificate
from fleet.services.revoke_device import revoke_device
from fleet.store.database import db
from fleet.store.models import (
    AuditEntry,
    Certificate,
    Device,
    DeviceState,
    EnrolmentToken,
    QuarantinedMessage,
    Reading,
)
from fleet.wire.requests import new_key, request
from tests.support.enrolling import enrolment_server, environ_of, invitation
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.processes import free_port
from tests.support.signing import Ceremony


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.from_env(
        {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_DATA_DIR": str(tmp_path / "data"),
            "FLEET_EST_PORT": str(free_port()),
        }
    )


@pytest.fixture
def hospital(settings: Settings) -> Iterator[Flask]:
    app = create_worker(settings)
    with app.app_context():
        build_hospital(now=datetime.now(UTC))
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def authority(settings: Settings) -> Authority:
    settings.make_data_dir()
    return settings.pki.make(settings.server_names(), datetime.now(UTC))


@pytest.fixture
def server(settings: Settings, authority: Authority, hospital: Flask) -> Iterator[None]:
    with enrolment_server(settings, environ_of(settings, settings.data_dir)):
        yield


def this_moment() -> datetime:
    return datetime.now(UTC)


def actions(device_id: str = "cart-001") -> list[str]:
    db.session.rollback()
    query = select(AuditEntry.action).where(AuditEntry.subject == device_id)
    return list(db.session.scalars(query.order_by(AuditEntry.id)))


def test_control_11_a_token_that_was_used_gives_409_and_is_audited(
    settings: Settings, authority: Authority, server: None
) -> None:
    label = invitation(settings, authority, "cart-001")
    trusted = est.authority(label)
    key = new_key()
    first = est.enrol(label, trusted, request(key, "cart-001"))
    assert isinstance(first, list)
    with pytest.raises(est.Refused, match=r"^409: this token has been used"):
        est.enrol(label, trusted, request(new_key(), "cart-001"))
    assert actions()[-1] == "enrolment.reused"
    again = est.enrol(label, trusted, request(key, "cart-001"))
    assert again == first, "the same key may hear the same answer again"


def test_control_12_a_token_that_has_expired_gives_401(
    settings: Settings, authority: Authority, server: None
) -> None:
    label = invitation(settings, authority, "cart-001")
    db.session.rollback()
    token = db.session.scalars(select(EnrolmentToken)).one()
    assert token.expires_at - token.created_at == timedelta(hours=24)
    token.expires_at = this_moment() - timedelta(seconds=1)
    db.session.commit()
    with pytest.raises(est.Refused, match=r"^401: .*expired"):
        est.enrol(label, est.authority(label), request(new_key(), "cart-001"))


def test_control_13_a_request_in_another_name_is_rejected(
    settings: Settings, authority: Authority, server: None
) -> None:
    label = invitation(settings, authority, "cart-001")
    trusted = est.authority(label)
    with pytest.raises(est.Refused, match=r"^400: subject: the common name must be cart-001"):
        est.enrol(label, trusted, request(new_key(), "cart-002"))
    assert isinstance(est.enrol(label, trusted, request(new_key(), "cart-001")), list), "unused"


def test_control_14_what_a_pending_device_says_becomes_no_active_state(
    settings: Settings, authority: Authority, server: None
) -> None:
    label = invitation(settings, authority, "cart-001", approved=False)
    trusted, wanted = est.authority(label), request(new_key(), "cart-001")
    waits = est.enrol(label, trusted, wanted)
    assert isinstance(waits, est.Waits)
    assert waits.seconds > 0
    now = this_moment()
    acks = say("telemetry", telemetry(reading(1, at=now)), now)
    state = db.session.scalars(select(DeviceState).order_by(DeviceState.device_pk)).first()
    assert state
    assert (state.online, state.seq, state.soc_pct) == (False, -1, None)
    assert acks == {}, "it keeps its readings until it is approved"
    assert db.session.scalars(select(Reading)).all() == []
    reasons = db.session.scalars(select(QuarantinedMessage.reason)).all()
    assert reasons == ["device waits for approval"]
    approve_device("cart-001", "user:ada", this_moment())
    assert isinstance(est.enrol(label, trusted, wanted), list)
    say("telemetry", telemetry(reading(1, at=now)), now)
    assert len(db.session.scalars(select(Reading)).all()) == 1


def test_the_agent_enrols_by_its_label_and_renews_at_two_thirds(
    settings: Settings, authority: Authority, server: None, tmp_path: Path
) -> None:
    label, folder = invitation(settings, authority, "cart-001"), tmp_path / "agent"
    assert enrol_machine(label, folder, Event(), print)
    credentials = Credentials(folder, "cart-001")
    first = credentials.certificate
    assert first
    assert not renew_if_due(folder, "cart-001", this_moment())
    assert not is_due(first, this_moment() + timedelta(days=59))
    assert renew_if_due(folder, "cart-001", this_moment() + timedelta(days=61))
    second = credentials.certificate
    assert second
    assert second.public_key() != first.public_key()
    assert actions()[-1] == "certificate.renew"


def test_a_server_of_another_authority_than_the_labels_gets_no_token(
    settings: Settings, authority: Authority, server: None, tmp_path: Path
) -> None:
    label = invitation(settings, authority, "cart-001")
    foreign = est.Invitation(label.url, label.device_id, label.token, "00" * 32)
    with pytest.raises(est.Refused, match="not the authority"):
        enrol_machine(foreign, tmp_path / "agent", Event(), print)


def test_a_revoked_certificate_is_not_renewed(
    settings: Settings, authority: Authority, server: None, tmp_path: Path
) -> None:
    label, folder = invitation(settings, authority, "cart-001"), tmp_path / "agent"
    assert enrol_machine(label, folder, Event(), print)
    revoke_device("cart-001", "user:ada", this_moment())
    with pytest.raises(est.Refused, match=r"^401: this certificate is not valid"):
        renew_if_due(folder, "cart-001", this_moment() + timedelta(days=61))


# --- The use cases alone --------------------------------------------------------------------


def token_of(settings: Settings, authority: Authority, *, approved: bool = True) -> str:
    return invitation(settings, authority, "cart-001", approved=approved).token


def test_a_new_token_voids_the_former_one(
    settings: Settings, authority: Authority, hospital: Flask
) -> None:
    former, newer = token_of(settings, authority), token_of(settings, authority)
    wanted = request(new_key(), "cart-001")
    with pytest.raises(Unauthorized):
        enrol_device(authority, "cart-001", former, wanted, this_moment())
    with pytest.raises(Unauthorized):
        enrol_device(authority, "cart-002", newer, request(new_key(), "cart-002"), this_moment())
    assert enrol_device(authority, "cart-001", newer, wanted, this_moment())


def test_who_enrols_anew_has_one_valid_certificate(
    settings: Settings, authority: Authority, hospital: Flask
) -> None:
    for _ in range(2):
        token = token_of(settings, authority)
        enrol_device(authority, "cart-001", token, request(new_key(), "cart-001"), this_moment())
    found = db.session.scalars(select(Certificate).order_by(Certificate.id)).all()
    assert [row.revoked_at is None for row in found] == [False, True]


def test_a_device_at_work_stays_so_while_its_next_enrolment_waits(
    settings: Settings, authority: Authority, hospital: Flask
) -> None:
    enrol_device(authority, "cart-001", token_of(settings, authority),
                 request(new_key(), "cart-001"), this_moment())  # fmt: skip
    token = token_of(settings, authority, approved=False)
    wanted = request(new_key(), "cart-001")
    assert enrol_device(authority, "cart-001", token, wanted, this_moment()) is None
    assert not db.session.scalars(select(Device.pending)).first()
    refuse_device("cart-001", "user:ada", this_moment())
    with pytest.raises(Unauthorized):
        enrol_device(authority, "cart-001", token, wanted, this_moment())
    with pytest.raises(Conflict, match="does not wait"):
        approve_device("cart-001", "user:ada", this_moment())


def test_decommissioning_voids_all_credentials_and_keeps_the_history(
    settings: Settings, authority: Authority, hospital: Flask
) -> None:
    now = this_moment()
    signed = enrol_device(authority, "cart-001", token_of(settings, authority),
                          request(new_key(), "cart-001"), now)  # fmt: skip
    assert signed
    say("telemetry", telemetry(reading(1, at=now)), now)
    unused = token_of(settings, authority)
    decommission_device("cart-001", "user:ada", now)
    with pytest.raises(Unauthorized):
        enrol_device(authority, "cart-001", unused, request(new_key(), "cart-001"), now)
    with pytest.raises(Unauthorized):
        renew_certificate(authority, signed.serial_number, request(new_key(), "cart-001"), now)
    assert db.session.scalars(select(Certificate.revoked_at)).all() != [None]
    assert len(db.session.scalars(select(Reading)).all()) == 1
    assert "certificate.issue" in actions()


def test_a_weak_key_is_refused(settings: Settings, authority: Authority, hospital: Flask) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa

    from fleet.wire.requests import named

    key = rsa.generate_private_key(65537, 2048)
    weak = x509.CertificateSigningRequestBuilder().subject_name(named("cart-001"))
    with pytest.raises(Invalid, match="elliptic curve"):
        enrol_device(authority, "cart-001", token_of(settings, authority),
                     weak.sign(key, hashes.SHA256()), this_moment())  # fmt: skip


def test_whose_signatures_count_a_device_learns_when_it_enrols(
    server: None, settings: Settings, authority: Authority, tmp_path: Path
) -> None:
    ceremony = Ceremony(tmp_path / "keys", this_moment())
    install_trust(ceremony.envelope, "test", this_moment())
    folder = tmp_path / "agent"
    label = invitation(settings, authority, "cart-001")
    assert enrol_machine(label, folder, Event(), print)
    firmware = firmware_of("cart-001", folder, None, None)
    assert firmware is not None
    assert firmware.trusted.version == 1


def test_without_a_trust_document_a_device_enrols_all_the_same(
    server: None, settings: Settings, authority: Authority, tmp_path: Path
) -> None:
    label = invitation(settings, authority, "cart-001")
    assert enrol_machine(label, tmp_path / "agent", Event(), print)
    assert firmware_of("cart-001", tmp_path / "agent", None, None) is None
