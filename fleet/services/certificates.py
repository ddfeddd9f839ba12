"""Certificates of devices, within a use case: signed and kept, or taken back."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.pki.authority import Authority
from fleet.services.errors import Invalid
from fleet.store.device import Device
from fleet.store.enrolment import Certificate, EnrolmentToken
from fleet.wire.requests import common_name


def sign(
    session: Session,
    authority: Authority,
    device: Device,
    request: x509.CertificateSigningRequest,
    token: EnrolmentToken | None,
    now: datetime,
) -> x509.Certificate:
    """What else the request asks for is passed over: the authority decides what it signs."""
    signed = authority.sign_client(request.public_key(), device.device_id, now)
    session.add(
        Certificate(
            device_pk=device.id,
            token_id=token.id if token else None,
            serial=hexadecimal(signed.serial_number),
            issued_at=now,
            expires_at=signed.not_valid_after_utc,
            pem=signed.public_bytes(Encoding.PEM).decode(),
        )
    )
    return signed


def check_request(request: x509.CertificateSigningRequest, device_id: str) -> None:
    """Raises Invalid for one that is not the device's own, or has too weak a key."""
    problems = {}
    try:
        if not request.is_signature_valid:
            problems["signature"] = "must be by the key of the request"
    except ValueError as error:
        problems["signature"] = str(error)
    if common_name(request.subject) != device_id:
        problems["subject"] = f"the common name must be {device_id}"
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size < 256:
        problems["key"] = "must be an elliptic curve key of at least 256 bits, like P-256"
    if problems:
        raise Invalid(problems)


def revoke_all(
    session: Session, device_pk: int, now: datetime, but: Sequence[str] = ()
) -> list[str]:
    """The serials that are valid no more; those in `but` stay."""
    query = (
        update(Certificate)
        .where(
            Certificate.device_pk == device_pk,
            Certificate.revoked_at.is_(None),
            Certificate.expires_at > now,
            Certificate.serial.not_in(but),
        )
        .values(revoked_at=now)
        .returning(Certificate.serial)
        .execution_options(synchronize_session=False)
    )
    return sorted(session.scalars(query))


def is_certified(session: Session, device_pk: int, now: datetime) -> bool:
    valid = select(Certificate.id).where(
        Certificate.device_pk == device_pk,
        Certificate.revoked_at.is_(None),
        Certificate.expires_at > now,
    )
    return session.scalar(valid.limit(1)) is not None


def key_sha256(request: x509.CertificateSigningRequest) -> str:
    """Of the public key (SubjectPublicKeyInfo)."""
    key = request.public_key()
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def hexadecimal(serial: int) -> str:
    return f"{serial:x}"
