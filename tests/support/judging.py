"""One device judged by the rules, as ingest judges a batch."""

from datetime import datetime

from fleet.domain.battery.endurance import Learned, promises
from fleet.domain.condition import Condition, Policies, Sample, assess, take_stock


def judge(
    previous: Condition,
    sample: Sample,
    policies: Policies,
    *,
    learned: Learned | None = None,
    hour: float = 0.0,
    shift_end: datetime | None = None,
) -> Condition:
    stock = take_stock(previous, sample, policies)
    [promise] = promises([stock], [learned or Learned()], [hour])
    return assess(previous, sample, policies, stock, promise, shift_end)
