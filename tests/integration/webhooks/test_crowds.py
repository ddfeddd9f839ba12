"""Many alerts of many wards at once are told, however many a statement bears."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from fleet.domain.webhooks.events import Event
from fleet.domain.words import AlertKind, AlertState
from fleet.services.places import add_ward
from fleet.services.webhooks.tell import tell
from fleet.store.database import db, transaction
from fleet.store.models import Alert, Ward
from tests.support.hospital import NOON
from tests.support.webhooks import add, deliveries, statements

MANY = 600
"""More than SQLite takes terms in one UNION."""


def alerts_of_many_wards() -> list[int]:
    for number in range(20):
        add_ward("lindenhof", f"w-{number}", f"W {number}", "test", NOON)
    wards = list(db.session.scalars(select(Ward.id).order_by(Ward.id)))
    with transaction() as session:
        rows = [
            {
                "ward_id": wards[each % len(wards)], "kind": AlertKind.OFFLINE, "detail": str(each),
                "state": AlertState.RESOLVED, "opened_at": NOON, "resolved_at": NOON, "version": 1,
            }
            for each in range(MANY)
        ]  # fmt: skip
        session.execute(insert(Alert), rows)
        return list(session.scalars(select(Alert.id).order_by(Alert.id)))


@pytest.mark.parametrize("step_ms", [0, 1])
def test_any_number_of_alerts_of_many_wards_is_told_at_once(step_ms: int) -> None:
    """All at one moment they are one statement; each at its own, as many as it takes."""
    add("alert.opened")
    ids = alerts_of_many_wards()
    with statements() as seen, transaction() as session:
        for place, alert_id in enumerate(ids):
            at = NOON + timedelta(milliseconds=place * step_ms)
            tell(session, Event.ALERT_OPENED, [alert_id], at)
    assert sorted(each.alert_id or 0 for each in deliveries()) == ids
    written = sum("INTO webhook_delivery" in statement for statement in seen)
    assert written == (12 if step_ms else 1)
