"""Quarters of the year, in which hospitals buy."""

from datetime import date, timedelta
from typing import NamedTuple, Self

MONTHS = 3


class Quarter(NamedTuple):
    year: int
    number: int
    """1 to 4."""

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day.year, (day.month - 1) // MONTHS + 1)

    @property
    def first(self) -> date:
        return date(self.year, MONTHS * self.number - MONTHS + 1, 1)

    @property
    def last(self) -> date:
        return self.following.first - timedelta(days=1)

    @property
    def following(self) -> "Quarter":
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    def __str__(self) -> str:
        return f"Q{self.number} {self.year}"
