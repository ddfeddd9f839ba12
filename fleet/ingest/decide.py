"""Step 5, decide: what changed is written down, and alerts follow."""

from fleet.domain.events import EVALUATED_ALERTS, alerts_due, same_alerts
from fleet.domain.words import AlertKind
from fleet.ingest.batch import Batch
from fleet.services import alerts, transitions
from fleet.services.calls import Call, note_outcomes
from fleet.services.wards import touch


def decide(batch: Batch) -> None:
    """Before the wills: a device that spoke and vanished in one batch ends as vanished."""
    _hold_alerts(batch)
    transitions.record(batch.session, batch.changes, batch.now)


def move_boards(batch: Batch) -> None:
    """The ward boards have something new to show."""
    touch(batch.session, batch.dirty_wards)


def _hold_alerts(batch: Batch) -> None:
    due = {
        pk: alerts_due(after)
        for pk, (before, after) in batch.conditions.items()
        if pk in batch.heard_again or not same_alerts(before, after)
    }
    over = alerts.reconcile(batch.session, due, EVALUATED_ALERTS, batch.now)
    calls = [
        Call(alert.id, alert.device_pk, alert.opened_at, batch.conditions[alert.device_pk][1])
        for alert in over
        if alert.kind == AlertKind.NEEDS_CHARGING
    ]
    note_outcomes(batch.session, calls, batch.now)
