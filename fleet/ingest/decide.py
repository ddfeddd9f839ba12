"""Step 5, decide: what changed is written down, and alerts follow."""

from fleet.domain.events import EVALUATED_ALERTS, alerts_due
from fleet.domain.words import AlertKind
from fleet.ingest.batch import Batch
from fleet.services import alerts, transitions
from fleet.services.wards import touch


def decide(batch: Batch) -> None:
    """Before the wills: a device that spoke and vanished in one batch ends as vanished."""
    _hold_alerts(batch)
    transitions.record(batch.session, batch.changes, batch.now)


def move_boards(batch: Batch) -> None:
    """The ward boards have something new to show."""
    touch(batch.session, batch.dirty_wards)


def _hold_alerts(batch: Batch) -> None:
    """Only devices whose alerts could differ are asked about: most readings change nothing."""
    due: dict[int, dict[AlertKind, str]] = {}
    for pk, (before, after) in batch.conditions.items():
        differs = alerts_due(before).keys() != alerts_due(after).keys()
        other_apps = before.failed_apps != after.failed_apps
        if pk in batch.heard_again or differs or other_apps:
            due[pk] = alerts_due(after)
    alerts.reconcile(batch.session, due, EVALUATED_ALERTS, batch.now)
