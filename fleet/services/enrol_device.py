"""A device shows its token and asks for a certificate (RFC 7030, 4.2)."""

from datetime import datetime

from cryptography import x509
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.words import Lifecycle
from fleet.pki.authority import Authority
from fleet.services import audit
from fleet.services.certificates import check_request, is_certified, key_sha256, revoke_all, sign
from fleet.services.errors import Conflict, Unauthorized
from fleet.services.secrets import token_hash
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.enrolment import Certificate, EnrolmentToken

_REUSED = "this token has been used already: make a new one"


def enrol_device(
    authority: Authority,
    device_id: str,
    token: str,
    request: x509.CertificateSigningRequest,
    now: datetime,
) -> x509.Certificate | None:
    """Its certificate; None while IT has not approved it: the device asks again.

    The same key may ask again within the token's day, and gets the same answer: the first one may
    have been lost with the device's power. Raises Unauthorized (no such token, or too old),
    Conflict (used by another key), Invalid (the request).
    """
    with transaction() as session:
        row = _token(session, device_id, token, now)
        key = key_sha256(request)
        if row.used_at is None:
            check_request(request, device_id)
            _use(session, row, key, now)
        is_reused = row.key_sha256 != key
        if is_reused:
            audit.record(session, f"device:{device_id}", "enrolment.reused", device_id, now)
        elif row.approved:
            return _certificate(session, authority, row, request, now)
    if is_reused:
        raise Conflict(_REUSED)
    return None


def _token(session: Session, device_id: str, token: str, now: datetime) -> EnrolmentToken:
    row = session.scalar(
        select(EnrolmentToken)
        .join(Device, Device.id == EnrolmentToken.device_pk)
        .where(EnrolmentToken.token_hash == token_hash(token), Device.device_id == device_id)
        .with_for_update()
    )
    if row is None or row.withdrawn_at is not None or row.expires_at <= now:
        raise Unauthorized("no such token, or it has expired: make a new one")
    if row.device.lifecycle != Lifecycle.ENROLLED:
        raise Unauthorized(f"{device_id} is decommissioned")
    return row


def _use(session: Session, row: EnrolmentToken, key: str, now: datetime) -> None:
    """Compare and set: of two that show it at once, one is first."""
    changed = session.execute(
        update(EnrolmentToken)
        .where(EnrolmentToken.id == row.id, EnrolmentToken.used_at.is_(None))
        .values(used_at=now, key_sha256=key)
        .returning(EnrolmentToken.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.refresh(row)
    if not changed:
        return  # somebody else's key stands there now
    if not (row.approved or is_certified(session, row.device_pk, now)):
        row.device.pending = True
    name = row.device.device_id
    after = {"approved": row.approved, "key_sha256": key}
    audit.record(session, f"device:{name}", "enrolment.request", name, now, after=after)


def _certificate(
    session: Session,
    authority: Authority,
    row: EnrolmentToken,
    request: x509.CertificateSigningRequest,
    now: datetime,
) -> x509.Certificate:
    """Signed now, or when it was asked for first. Whatever it had before is valid no more."""
    known = session.scalar(select(Certificate).where(Certificate.token_id == row.id))
    if known is not None:
        return x509.load_pem_x509_certificate(known.pem.encode())
    name = row.device.device_id
    check_request(request, name)
    revoked = revoke_all(session, row.device_pk, now)
    signed = sign(session, authority, row.device, request, row, now)
    after = {"serial": f"{signed.serial_number:x}", "revoked": revoked}
    audit.record(session, f"device:{name}", "certificate.issue", name, now, after=after)
    return signed
