"""What is to be bought: the packs that fall, added up by model, chemistry or ward, with money."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from fleet.domain.battery.needs import NONE, Count
from fleet.store.queries.battery_models import ModelRow
from fleet.store.queries.battery_totals import Due

Money = Counter[str]
"""Hundredths by currency."""
Models = Mapping[str | None, ModelRow]


@dataclass(slots=True)
class Need:
    """What falls of one model, chemistry or ward. Costs are of `order`, if all of it is bought."""

    name: str | None
    chemistry: str | None = None
    now: Count = NONE
    next: Count = NONE
    after: Count = NONE
    order: Count = NONE
    claims: int = 0
    cost: Money = field(default_factory=Counter)
    claimed: Money = field(default_factory=Counter)
    """The part of the cost that is of packs which fall while their warranty holds."""
    unpriced: int = 0
    """Packs of `order` whose price nobody has entered."""
    order_by: date | None = None
    """The latest day to order so that the first is there when it is needed."""
    wards: Counter[int] = field(default_factory=Counter)

    def add(self, due: Due, model: ModelRow | None) -> None:
        self.chemistry = due.chemistry
        self.now = self.now.plus(due.now)
        self.next = self.next.plus(due.next)
        self.after = self.after.plus(due.after)
        self.order = self.order.plus(due.order)
        self.claims += due.claims
        if due.order.likely:
            self.wards[due.ward_id] += due.order.likely
        self._add_money(due, model)
        if due.first is not None:
            weeks = (model.lead_time_weeks if model else None) or 0
            latest = due.first - timedelta(weeks=weeks)
            self.order_by = min(self.order_by or latest, latest)

    def _add_money(self, due: Due, model: ModelRow | None) -> None:
        if model is None or model.price_cents is None or model.currency is None:
            self.unpriced += due.order.likely
            return
        self.cost[model.currency] += model.price_cents * due.order.likely
        self.claimed[model.currency] += model.price_cents * due.claims


def needs(dues: Iterable[Due], models: Models, key: Callable[[Due], str | None]) -> list[Need]:
    """The most wanted first."""
    found: dict[str | None, Need] = {}
    for due in dues:
        name = key(due)
        found.setdefault(name, Need(name)).add(due, models.get(due.model))
    return sorted(found.values(), key=_urgency)


def total(dues: Iterable[Due], models: Models) -> Need:
    whole = Need(None)
    for due in dues:
        whole.add(due, models.get(due.model))
    return whole


def money(sums: Money) -> str:
    """ "EUR 12,490.00 + CHF 990.00"; nothing for nothing."""
    return " + ".join(f"{name} {cents / 100:,.2f}" for name, cents in sorted(sums.items()) if cents)


def _urgency(need: Need) -> tuple[int, int, str]:
    return -need.order.likely, -need.after.likely, need.name or ""
