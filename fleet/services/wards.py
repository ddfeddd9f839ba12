"""The revision of a ward: what its boards ask for to know whether anything has changed."""

from collections.abc import Collection

from sqlalchemy import update
from sqlalchemy.orm import Session

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
