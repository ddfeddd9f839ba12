"""What the broker must be told of certificates that were taken back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.pki.authority import LEAF_DAYS, Revoked
from fleet.services import audit
from fleet.services.enrolment_tokens import withdraw
from fleet.store.database import db, transaction
from fleet.store.device import Device
from fleet.store.driver import among
from fleet.store.enrolment import Certificate

SETTLED_AFTER = timedelta(minutes=2)
"""By then every broker has read the list (EMQX does once a minute): a session that is ended now
does not come back."""
AT_ONCE = 50
_AS_LISTED = {"revoked": "as the revocation list has it"}


class Live(NamedTuple):
    """A session that may still be open on a certificate that was revoked."""

    certificate_id: int
    device_id: str
    revoked_at: datetime


def revoked(now: datetime) -> list[Revoked]:
    """All that have not expired: of those nobody need be told."""
    rows = db.session.execute(
        select(Certificate.serial, Certificate.revoked_at)
        .where(
            Certificate.revoked_at > now - timedelta(days=LEAF_DAYS), Certificate.expires_at > now
        )
        .order_by(Certificate.id)
    ).all()
    db.session.rollback()
    return [Revoked(int(serial, 16), at) for serial, at in rows if at is not None]


def remember(listed: Sequence[Revoked], actor: str, now: datetime) -> list[str]:
    """What stands in the revocation list and the database does not know, since it was put back to
    an earlier moment, is revoked in it too: or the device could renew its certificate.

    Returns the devices. Tokens that nobody has used are void, as when IT revokes.
    """
    at = {f"{serial:x}": when for serial, when in listed}
    forgotten = _forgotten(db.session(), sorted(at))
    db.session.rollback()
    if not forgotten:
        return []
    with transaction() as session:
        devices = {}
        for certificate in _forgotten(session, sorted(at)):
            certificate.revoked_at = at[certificate.serial]
            device = certificate.device
            devices[device.id] = device.device_id
            before = {"certificates": [certificate.serial]}
            audit.record(
                session, actor, "certificate.revoke", device.device_id, now, before, _AS_LISTED
            )
        withdraw(session, list(devices), now)
        return list(devices.values())


def _forgotten(session: Session, serials: Sequence[str]) -> Sequence[Certificate]:
    listed = among(session, Certificate.serial, serials)
    query = select(Certificate).where(listed, Certificate.revoked_at.is_(None))
    return session.scalars(query.order_by(Certificate.id).with_for_update()).all()


def to_end(now: datetime) -> list[Live]:
    """Whose sessions are to be ended, until one was ended after the list had settled."""
    rows = db.session.execute(
        select(Certificate.id, Device.device_id, Certificate.revoked_at)
        .join(Device, Device.id == Certificate.device_pk)
        .where(
            Certificate.revoked_at > now - timedelta(days=LEAF_DAYS),
            Certificate.dropped_at.is_(None),
        )
        .order_by(Certificate.id)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    return [Live(key, name, at) for key, name, at in rows if at is not None]


def note_ended(ended: Sequence[Live], now: datetime) -> None:
    final = [live.certificate_id for live in ended if now >= live.revoked_at + SETTLED_AFTER]
    if final:
        with transaction() as session:
            session.execute(
                update(Certificate)
                .where(Certificate.id.in_(final))
                .values(dropped_at=now)
                .execution_options(synchronize_session=False)
            )
