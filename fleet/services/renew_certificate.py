"""A device that has a valid certificate gets its next one (RFC 7030, 4.2.2)."""

from datetime import datetime

from cryptography import x509
from sqlalchemy import select

from fleet.domain.words import Lifecycle
from fleet.pki.authority import Authority
from fleet.services import audit
from fleet.services.certificates import check_request, hexadecimal, sign
from fleet.services.errors import Unauthorized
from fleet.store.database import transaction
from fleet.store.enrolment import Certificate


def renew_certificate(
    authority: Authority, serial: int, request: x509.CertificateSigningRequest, now: datetime
) -> x509.Certificate:
    """`serial`: of the certificate that the device has proved to hold.

    The former one stays valid until it expires: the answer may be lost on its way. Raises
    Unauthorized for one that was revoked or never issued here, Invalid for the request.
    """
    with transaction() as session:
        held = session.scalar(select(Certificate).where(Certificate.serial == hexadecimal(serial)))
        if held is None or held.revoked_at is not None or held.expires_at <= now:
            raise Unauthorized("this certificate is not valid: enrol again")
        if held.device.lifecycle != Lifecycle.ENROLLED or held.device.pending:
            raise Unauthorized(f"{held.device.device_id} is not enrolled")
        name = held.device.device_id
        check_request(request, name)
        signed = sign(session, authority, held.device, request, None, now)
        before, after = {"serial": held.serial}, {"serial": hexadecimal(signed.serial_number)}
        audit.record(session, f"device:{name}", "certificate.renew", name, now, before, after)
        return signed
