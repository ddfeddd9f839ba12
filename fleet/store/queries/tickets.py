"""What wards have reported broken, what IT has fixed, and what is overdue."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import CheckOut, Device, FaultReport, Ward
from fleet.store.queries.whereabouts import within

NEWS_FOR = timedelta(hours=2)
"""So long the board says that something is fixed."""


class Ticket(NamedTuple):
    id: int
    device_id: str
    asset_tag: str
    ward: str
    ward_name: str
    reason: str
    state: str
    reported_at: datetime
    reported_by: str
    ended_at: datetime | None
    ended_by: str | None
    note: str | None


class TicketPage(NamedTuple):
    rows: list[Ticket]
    before: int | None


class Fixed(NamedTuple):
    asset_tag: str
    reason: str
    fixed_at: datetime


class Overdue(NamedTuple):
    device_id: str
    asset_tag: str
    ward_name: str
    taken_by: str
    taken_at: datetime
    due_at: datetime


def find_tickets(
    state: str = "open", before: int | None = None, limit: int = 50, reach: Reach = ALL
) -> TicketPage:
    """The newest first."""
    query: Select[*tuple[Any, ...]] = (
        select(
            FaultReport.id, Device.device_id, Device.asset_tag, Ward.slug, Ward.name,
            FaultReport.reason, FaultReport.state, FaultReport.reported_at,
            FaultReport.reported_by, FaultReport.ended_at, FaultReport.ended_by, FaultReport.note,
        )
        .join(Device, Device.id == FaultReport.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .where(FaultReport.state == state, within(Device.ward_id, reach))
        .order_by(FaultReport.id.desc())
        .limit(limit + 1)
    )  # fmt: skip
    if before is not None:
        query = query.where(FaultReport.id < before)
    rows = [Ticket(*row) for row in db.session.execute(query)]
    return TicketPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def open_tickets() -> int:
    query = select(func.count()).select_from(FaultReport).where(FaultReport.ended_at.is_(None))
    return db.session.scalar(query) or 0


def fixed_lately(ward_id: int, kind: str, now: datetime) -> list[Fixed]:
    """What the ward's board has to tell: the newest first."""
    query: Select[*tuple[Any, ...]] = (
        select(Device.asset_tag, FaultReport.reason, FaultReport.ended_at)
        .join(Device, Device.id == FaultReport.device_pk)
        .where(
            Device.ward_id == ward_id,
            Device.kind == kind,
            Device.lifecycle == Lifecycle.ENROLLED,
            FaultReport.state == "fixed",
            FaultReport.ended_at > now - NEWS_FOR,
        )
        .order_by(FaultReport.ended_at.desc())
        .limit(3)
    )
    return [Fixed(*row) for row in db.session.execute(query)]


def overdue(now: datetime, reach: Reach = ALL, limit: int = 100) -> list[Overdue]:
    """The longest overdue first."""
    query: Select[*tuple[Any, ...]] = (
        select(
            Device.device_id, Device.asset_tag, Ward.name, CheckOut.taken_by, CheckOut.taken_at,
            CheckOut.due_at,
        )
        .join(Device, Device.id == CheckOut.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .where(CheckOut.ended_at.is_(None), CheckOut.due_at <= now, within(Device.ward_id, reach))
        .order_by(CheckOut.due_at)
        .limit(limit)
    )  # fmt: skip
    return [Overdue(*row) for row in db.session.execute(query)]
