"""What a ward needs while anything is rolled out: its windows, and the carts that must stay."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from fleet.domain.rollout.windows import problem_with
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.store.database import transaction
from fleet.store.site import Ward

MOST = 1_000


def set_ward_care(
    slug: str,
    maintenance_windows: Sequence[str],
    min_available: int,
    actor: str,
    now: datetime,
) -> None:
    """Windows like "mon-fri 22:00-05:00" in the site's time zone; none: at any time.

    Raises NotFound, Invalid.
    """
    problems = {}
    if problem := problem_with(maintenance_windows):
        problems["maintenance_windows"] = problem
    if not 0 <= min_available <= MOST:
        problems["min_available"] = f"from 0 to {MOST}"
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        ward = session.scalar(select(Ward).where(Ward.slug == slug).with_for_update())
        if ward is None:
            raise NotFound(f"no ward {slug}")
        before = {"maintenance_windows": ward.maintenance_windows,
                  "min_available": ward.min_available}  # fmt: skip
        after = {"maintenance_windows": list(maintenance_windows), "min_available": min_available}
        if before != after:
            ward.maintenance_windows = list(maintenance_windows)
            ward.min_available = min_available
            audit.record(session, actor, "ward.care", f"ward/{slug}", now, before, after)
