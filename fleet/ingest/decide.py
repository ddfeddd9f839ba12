"""Step 5, decide: what changed is written down, alerts follow, and the ward boards move on."""

from fleet.domain.events import EVALUATED_ALERTS, alerts_due
from fleet.domain.words import AlertKind
from fleet.ingest.batch import Batch
from fleet.services import alerts
from fleet.services.wards import touch
from fleet.store.alert import Transition


def decide(batch: Batch) -> None:
    _hold_alerts(batch)
    batch.session.add_all(
        Transition(
            device_pk=pk,
            at=batch.now,
            aspect=change.aspect,
            old=change.old,
            new=change.new,
            detail=change.detail,
        )
        for pk, change in batch.changes
    )
    touch(batch.session, batch.dirty_wards)


def _hold_alerts(batch: Batch) -> None:
    """Only devices whose alerts could differ are asked about: most readings change nothing."""
    due: dict[int, dict[AlertKind, str]] = {}
    for pk, (before, after) in batch.conditions.items():
        differs = alerts_due(before).keys() != alerts_due(after).keys()
        if pk in batch.heard_again or differs:
            due[pk] = alerts_due(after)
    alerts.reconcile(batch.session, due, EVALUATED_ALERTS, batch.now)
