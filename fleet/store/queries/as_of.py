"""What a row may be called now: a word whose deadline has passed is unknown, whatever is stored.

The sweeps of `schedule` write the same a moment later; until then nothing stale is shown as good.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, or_

from fleet.domain.compliance import REPORT_MAX_AGE
from fleet.domain.holding import FAULTS, TAKEN_OF, Hold
from fleet.domain.words import Availability, ComplianceState
from fleet.store.models import Configuration, DeviceState

_IS_TAKEN = and_(DeviceState.hold == Hold.TAKEN, DeviceState.availability.in_(sorted(TAKEN_OF)))


def availability_at(now: datetime) -> ColumnElement[str]:
    """`domain.holding.as_held` of what it says itself, in a statement."""
    return case(
        (DeviceState.hold.in_(FAULTS), Availability.UNAVAILABLE.value),
        (silent_at(now), Availability.UNKNOWN.value),
        (_IS_TAKEN, Availability.IN_USE.value),
        else_=DeviceState.availability,
    )


def held_availability() -> ColumnElement[str]:
    """The same for who looks at `online` besides."""
    return case(
        (DeviceState.hold.in_(FAULTS), Availability.UNAVAILABLE.value),
        (_IS_TAKEN, Availability.IN_USE.value),
        else_=DeviceState.availability,
    )


def silent_at(now: datetime) -> ColumnElement[bool]:
    return or_(DeviceState.offline_after.is_(None), DeviceState.offline_after <= now)


def compliance_at(now: datetime) -> ColumnElement[str]:
    return case(
        (overdue_at(now), ComplianceState.UNKNOWN.value),
        (Configuration.compliance.is_(None), ComplianceState.UNKNOWN.value),
        else_=Configuration.compliance,
    )


def overdue_at(now: datetime) -> ColumnElement[bool]:
    """Judged by a report that has grown too old, or pending beyond the time it had for it.

    The first condition is what an index serves; it alone may also mean that a repair is due.
    """
    too_old = Configuration.reported_at <= now - REPORT_MAX_AGE
    is_pending = Configuration.compliance == ComplianceState.PENDING
    return and_(Configuration.judge_after <= now, or_(is_pending, too_old))


def compliance_reason_at(now: datetime) -> ColumnElement[str | None]:
    return case((overdue_at(now), "not judged since"), else_=Configuration.compliance_reason)
