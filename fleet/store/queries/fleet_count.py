"""The fleet in figures, as they were counted lately; counted now where nobody does so by itself."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from fleet.domain.access import ALL, Reach
from fleet.pki.expiry import LATE
from fleet.store.database import db
from fleet.store.models import FleetCount
from fleet.store.queries.battery_totals import packs_to_order
from fleet.store.queries.needs import Standing, device_certificates
from fleet.store.queries.overview import Tally, availability_tallies, compliance_totals
from fleet.store.types import from_ms, to_ms

ROW = 1
OLD_AFTER = timedelta(seconds=60)
"""Six turns of the job: `schedule` has stopped, and what it counted is not true any more."""


class Counts(NamedTuple):
    """`at`: when it was counted. `packs`: to order by the end of the next quarter, in the whole
    fleet; None for who sees only a part of it."""

    at: datetime
    tallies: list[Tally]
    compliance: dict[str, int]
    packs: int | None
    certificates: Standing
    """Devices whose certificate ends, and is not renewed; the first end."""


def latest_counts(now: datetime, today: date, reach: Reach = ALL) -> Counts:
    """At most OLD_AFTER old; of a part of the fleet, counted now. `today`: at the hospital."""
    if not reach.everything:
        return _count_part(now, reach)
    row = db.session.execute(select(FleetCount.at, FleetCount.counts)).first()
    if row is None or abs(now - row.at) > OLD_AFTER:
        return count(now, today)
    return _read(row.at, row.counts)


def count(now: datetime, today: date) -> Counts:
    """Takes as long as the fleet is large: a quarter of a second at 100,000 devices."""
    return Counts(
        now,
        availability_tallies(now),
        compliance_totals(now),
        packs_to_order(today),
        device_certificates(now + LATE),
    )


def _count_part(now: datetime, reach: Reach) -> Counts:
    tallies, compliance = availability_tallies(now, reach), compliance_totals(now, reach)
    return Counts(now, tallies, compliance, None, Standing())


def as_json(counts: Counts) -> dict[str, Any]:
    ends = counts.certificates.since
    return {
        "tallies": [list(tally) for tally in counts.tallies],
        "compliance": counts.compliance,
        "packs": counts.packs,
        "certificates": [counts.certificates.number, to_ms(ends) if ends else None],
    }


def _read(at: datetime, counts: dict[str, Any]) -> Counts:
    certificates, ends = counts["certificates"]
    return Counts(
        at,
        [Tally(*tally) for tally in counts["tallies"]],
        counts["compliance"],
        counts["packs"],
        Standing(certificates, None if ends is None else from_ms(ends)),
    )
