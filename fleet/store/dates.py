"""Sums of dates inside a statement, the same on both databases."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, Integer, SQLColumnExpression, cast, func, type_coerce

from fleet.store.database import db
from fleet.store.types import milliseconds

MS_A_SECOND = 1000


def date_of(moment: SQLColumnExpression[datetime]) -> ColumnElement[date]:
    """The day in UTC."""
    if _is_sqlite():
        return func.date(milliseconds(moment) / MS_A_SECOND, "unixepoch", type_=Date)
    return cast(moment, Date)


def months_after(
    day: SQLColumnExpression[date | None], months: SQLColumnExpression[int | None]
) -> ColumnElement[date]:
    """The same day so many months on, or the last of that month where it is shorter."""
    if _is_sqlite():
        # SQLite goes over into the month after: the earlier of the two is in the right one.
        same_day = func.date(day, func.printf("+%d months", months))
        last_day = func.date(day, "start of month", func.printf("+%d months", months + 1), "-1 day")
        return func.min(same_day, last_day, type_=Date)
    return cast(day + func.make_interval(0, months), Date)


def days_until(day: SQLColumnExpression[date | None], now: date) -> ColumnElement[int]:
    """Whole days from now to then; below zero for a day that has passed."""
    if _is_sqlite():
        return cast(func.julianday(day) - func.julianday(now.isoformat()), Integer)
    return type_coerce(day - cast(now, Date), Integer)


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"
