"""What a change of condition means: transitions to record, alerts to hold open."""

from dataclasses import dataclass

from fleet.domain.condition import Condition
from fleet.domain.words import AlertKind


@dataclass(frozen=True, slots=True)
class Change:
    """One recorded change of one aspect of a device."""

    aspect: str
    old: str | None
    new: str | None
    detail: str | None = None


def changes(old: Condition, new: Condition) -> list[Change]:
    """The aspects whose word has changed; numbers that merely move are history, not changes."""
    found = []
    if old.availability != new.availability:
        found.append(Change("availability", old.availability, new.availability, new.reason))
    if old.needs_charging != new.needs_charging:
        found.append(_flag("needs_charging", old.needs_charging, new.needs_charging))
    if (old.replacement is None) != (new.replacement is None):
        is_worn = new.replacement is not None
        found.append(_flag("needs_replacement", not is_worn, is_worn, new.replacement))
    if old.failed_apps != new.failed_apps:
        found.append(Change("failed_apps", _names(old.failed_apps), _names(new.failed_apps)))
    return found


EVALUATED_ALERTS = frozenset(
    {
        AlertKind.NEEDS_CHARGING,
        AlertKind.APP_FAILED,
        AlertKind.NOT_CHARGING,
        AlertKind.OFFLINE,
    }
)
"""What a fresh reading decides. `offline` is opened by silence, and ended by any word. That a pack
needs replacement a reading may say too, but it does not end it: there is the forecast as well."""


def same_alerts(one: Condition, other: Condition) -> bool:
    """Whether the same alerts are due, each for the same reason: most readings change nothing."""
    return (
        one.needs_charging == other.needs_charging
        and one.not_charging == other.not_charging
        and one.failed_apps == other.failed_apps
        and (one.replacement is None) == (other.replacement is None)
    )


def alerts_due(condition: Condition) -> dict[AlertKind, str]:
    """The alerts that should stand open for this condition, each with its detail."""
    due: dict[AlertKind, str] = {}
    if condition.needs_charging:
        due[AlertKind.NEEDS_CHARGING] = _charge_words(condition)
    if condition.replacement is not None:
        due[AlertKind.NEEDS_REPLACEMENT] = condition.replacement
    if condition.failed_apps:
        due[AlertKind.APP_FAILED] = _names(condition.failed_apps) or ""
    if condition.not_charging:
        due[AlertKind.NOT_CHARGING] = f"plugged in at {condition.soc_pct} % and not charging"
    return due


def _flag(aspect: str, old: bool, new: bool, detail: str | None = None) -> Change:
    return Change(aspect, _word(old), _word(new), detail)


def _word(flag: bool) -> str:
    return "yes" if flag else "no"


def _names(names: tuple[str, ...]) -> str | None:
    return ", ".join(names) or None


def _charge_words(condition: Condition) -> str:
    if condition.promised_min is None:
        return f"{condition.soc_pct} %"
    return f"{condition.soc_pct} %, at least {condition.promised_min} min left"
