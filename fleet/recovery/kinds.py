"""The two databases, behind one set of functions."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from fleet.recovery import postgres, sqlite
from fleet.recovery.facts import Facts


class Kind(Protocol):
    """`url` is the running database's, `folder` where the packed copy is or comes."""

    def dump(self, url: str, folder: Path) -> Facts:
        """Pack a copy as of one moment, while others write."""

    def scratch(self, url: str, folder: Path) -> AbstractContextManager[str]:
        """The copy beside the running database, for a while: its URL."""

    def check(self, url: str) -> list[str]:
        """What the database finds wrong with itself."""

    def replace(
        self, url: str, folder: Path, prepare: Callable[[str], None], now: datetime, keep: bool
    ) -> str | None:
        """Put the copy in place; returns where what was there is kept."""


def kind_of(url: str) -> tuple[Literal["sqlite", "postgresql"], Kind]:
    return ("sqlite", sqlite) if url.startswith("sqlite") else ("postgresql", postgres)
