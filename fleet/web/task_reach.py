"""Whose long work somebody sees: that of all who may change every device, and else their own."""

from fleet.access import actor, may
from fleet.domain.access import Access


def whose_tasks() -> str | None:
    """The name by which to look; None for everybody's."""
    return None if may(Access.DEVICES, None) else actor()
