"""The revision of a ward: what its boards ask for to know whether anything has changed."""

from collections.abc import Collection, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.store.device import Device
from fleet.store.driver import among
from fleet.store.site import Ward


def touch(session: Session, ward_ids: Collection[int]) -> None:
    """The boards of these wards show something new. In one order, so that two never deadlock."""
    if ward_ids:
        session.execute(
            update(Ward)
            .where(Ward.id.in_(sorted(ward_ids)))
            .values(revision=Ward.revision + 1)
            .execution_options(synchronize_session=False)
        )


def wards_of(session: Session, device_pks: Sequence[int]) -> set[int]:
    """The wards where these devices are at home."""
    home = select(Device.ward_id).where(among(session, Device.id, device_pks))
    return set(session.scalars(home.distinct()))
