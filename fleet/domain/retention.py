"""What is kept for how long, class by class."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kept(StrEnum):
    """A class of what is kept."""

    READINGS = "readings"
    HOURLY = "hourly"
    DAILY = "daily"
    CHANGES = "changes"
    AUDIT = "audit"
    QUARANTINE = "quarantine"
    COMMANDS = "commands"
    ROLLOUTS = "rollouts"
    ENROLMENT = "enrolment"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True)
class Class:
    """`setting` names the environment variable that says how many days, within these bounds."""

    kept: Kept
    setting: str
    days: int
    at_least: int = 1
    at_most: int = 36_500


CLASSES = (
    # A partition a day on PostgreSQL: with many more of them every query would take longer to plan.
    Class(Kept.READINGS, "FLEET_RETENTION_DAYS", 90, at_most=400),
    Class(Kept.HOURLY, "FLEET_RETENTION_HOURLY_DAYS", 2 * 365),
    Class(Kept.DAILY, "FLEET_RETENTION_DAILY_DAYS", 10 * 365),
    Class(Kept.CHANGES, "FLEET_RETENTION_CHANGES_DAYS", 2 * 365),
    # Six years is what HIPAA asks of documentation: 45 CFR 164.316(b)(2)(i).
    Class(Kept.AUDIT, "FLEET_RETENTION_AUDIT_DAYS", 6 * 365, at_least=365),
    Class(Kept.QUARANTINE, "FLEET_RETENTION_QUARANTINE_DAYS", 30),
    Class(Kept.COMMANDS, "FLEET_RETENTION_COMMANDS_DAYS", 365),
    # Longer than any of its devices may take to come to an end.
    Class(Kept.ROLLOUTS, "FLEET_RETENTION_ROLLOUTS_DAYS", 2 * 365, at_least=30),
    Class(Kept.ENROLMENT, "FLEET_RETENTION_ENROLMENT_DAYS", 90),
    Class(Kept.WEBHOOKS, "FLEET_RETENTION_WEBHOOKS_DAYS", 30),
)

Ages = Mapping[Kept, timedelta]
"""How old each class may become."""
