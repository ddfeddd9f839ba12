"""Devices that need no token: those of the demo, whose keys lie on this very machine."""

from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from sqlalchemy import select

from fleet.pki.authority import Authority
from fleet.services import audit
from fleet.services.certificates import check_request, hexadecimal, sign
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.driver import among


def certify_devices(
    authority: Authority,
    requests: Mapping[str, x509.CertificateSigningRequest],
    actor: str,
    now: datetime,
) -> dict[str, x509.Certificate]:
    """A certificate for each, by device id. Raises Invalid."""
    with transaction() as session:
        wanted = among(session, Device.device_id, sorted(requests))
        signed = {}
        for device in session.scalars(select(Device).where(wanted).order_by(Device.id)).all():
            request = requests[device.device_id]
            check_request(request, device.device_id)
            signed[device.device_id] = it = sign(session, authority, device, request, None, now)
            after = {"serial": hexadecimal(it.serial_number)}
            audit.record(session, actor, "certificate.issue", device.device_id, now, after=after)
        return signed
