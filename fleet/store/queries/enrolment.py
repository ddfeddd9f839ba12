"""Who waits for approval, who has no certificate yet, and what a device has."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, exists, select

from fleet.domain.words import Identity, Lifecycle
from fleet.store.database import db
from fleet.store.enrolment import Certificate, EnrolmentToken
from fleet.store.models import Device, Ward

Rows = Sequence[Row[*tuple[Any, ...]]]


def identity_at(now: datetime) -> ColumnElement[str]:
    """Of a `Device` in the query. A certificate that is valid counts, whatever became of others."""
    of_it = Certificate.device_pk == Device.id
    valid = exists().where(of_it, Certificate.revoked_at.is_(None), Certificate.expires_at > now)
    revoked = exists().where(of_it, Certificate.revoked_at.is_not(None))
    return case(
        (Device.lifecycle != Lifecycle.ENROLLED, Identity.DECOMMISSIONED.value),
        (Device.pending, Identity.PENDING.value),
        (valid, Identity.CERTIFIED.value),
        (revoked, Identity.REVOKED.value),
        (exists().where(of_it), Identity.EXPIRED.value),
        else_=Identity.UNCERTIFIED.value,
    )


WAITS = (
    EnrolmentToken.used_at.is_not(None),
    EnrolmentToken.withdrawn_at.is_(None),
    EnrolmentToken.approved.is_(False),
)


def is_waiting(device_pk: int) -> bool:
    """Also one that has a valid certificate, and asks for another one with a token."""
    mine = select(EnrolmentToken.id).where(EnrolmentToken.device_pk == device_pk, *WAITS)
    return db.session.scalar(mine.limit(1)) is not None


def waiting() -> Rows:
    """Devices that have shown a token which nobody has approved, the oldest first."""
    query = (
        select(
            Device.device_id, Device.asset_tag, Device.kind, Ward.name.label("ward"),
            EnrolmentToken.used_at,
        )
        .join(Device, Device.id == EnrolmentToken.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .where(*WAITS)
        .order_by(EnrolmentToken.used_at)
    )  # fmt: skip
    return db.session.execute(query).all()


def uncertified(now: datetime, ward: str | None, limit: int) -> list[str]:
    """Enrolled devices without a valid certificate, by asset tag."""
    valid = exists().where(
        Certificate.device_pk == Device.id,
        Certificate.revoked_at.is_(None),
        Certificate.expires_at > now,
    )
    query = (
        select(Device.device_id)
        .join(Ward, Ward.id == Device.ward_id)
        .where(Device.lifecycle == Lifecycle.ENROLLED, ~valid)
    )
    if ward:
        query = query.where(Ward.slug == ward)
    return list(db.session.scalars(query.order_by(Device.asset_tag).limit(limit)))


def certificates_of(device_pk: int) -> Rows:
    """The newest first."""
    query = select(
        Certificate.serial, Certificate.issued_at, Certificate.expires_at, Certificate.revoked_at
    )
    return db.session.execute(
        query.where(Certificate.device_pk == device_pk).order_by(Certificate.id.desc()).limit(10)
    ).all()
