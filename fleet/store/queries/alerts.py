"""Alerts, the newest first: those that stand, or those of one state, kind, ward or device."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select, true

from fleet.domain.access import ALL, Reach
from fleet.domain.words import AlertState
from fleet.store.database import db
from fleet.store.models import Alert, Device, DeviceState, Outage, Rollout, Site, Ward
from fleet.store.queries.whereabouts import scope_within, within


class OutageFacts(NamedTuple):
    """`since`: the last word of those who fell silent. `silent`: how many of them are so still."""

    since: datetime
    devices: int
    fell: int
    silent: int


class AlertRow(NamedTuple):
    """`ward` and `site` are slugs. An alert of a whole ward has no device, of a site no ward,
    of a rollout none of them."""

    id: int
    kind: str
    state: str
    detail: str | None
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    escalated_at: datetime | None
    outcome: str | None
    was_right: bool | None
    resolved_at: datetime | None
    version: int
    device_id: str | None
    asset_tag: str | None
    ward: str | None
    ward_name: str | None
    site: str | None
    site_name: str | None
    rollout: int | None
    rollout_target: str | None
    rollout_slug: str | None
    rollout_version: str | None
    outage_since: datetime | None
    outage_devices: int | None
    outage_fell: int | None
    outage_silent: int | None

    @property
    def outage(self) -> OutageFacts | None:
        if self.outage_since is None:
            return None
        numbers = (self.outage_devices, self.outage_fell, self.outage_silent)
        return OutageFacts(self.outage_since, *(number or 0 for number in numbers))


class AlertPage(NamedTuple):
    """`before`: the id before which the next page begins; None at the end."""

    rows: list[AlertRow]
    before: int | None


def find_alerts(
    state: str | None = None,
    kind: str | None = None,
    ward: str | None = None,
    before: int | None = None,
    limit: int = 50,
    reach: Reach = ALL,
) -> AlertPage:
    """Without a state: all that are not resolved."""
    query = _alerts().where(_is_within(reach)).limit(limit + 1)
    query = query.where(Alert.state == state if state else Alert.state != AlertState.RESOLVED)
    if kind is not None:
        query = query.where(Alert.kind == kind)
    if ward is not None:
        query = query.where(Ward.slug == ward)
    if before is not None:
        query = query.where(Alert.id < before)
    rows = [AlertRow(*row) for row in db.session.execute(query)]
    return AlertPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def alert_by_id(alert_id: int) -> AlertRow | None:
    row = db.session.execute(_alerts().where(Alert.id == alert_id)).first()
    return AlertRow(*row) if row else None


def alerts_of(device_pk: int, limit: int = 20) -> list[AlertRow]:
    """One device's standing alerts, and that of the outage which it is part of."""
    outage = select(DeviceState.outage_id).where(DeviceState.device_pk == device_pk)
    concern = or_(Alert.device_pk == device_pk, Alert.id == outage.scalar_subquery())
    query = _alerts().where(concern, Alert.state != AlertState.RESOLVED)
    return [AlertRow(*row) for row in db.session.execute(query.limit(limit))]


def alert_of_rollout(rollout_id: int) -> AlertRow | None:
    """The one that stands, if it has stopped."""
    is_standing = Alert.state != AlertState.RESOLVED
    row = db.session.execute(_alerts().where(Alert.rollout_id == rollout_id, is_standing)).first()
    return AlertRow(*row) if row else None


class Calls(NamedTuple):
    """Calls to charge of which it is known whether they were right."""

    right: int
    known: int


def calls_since(moment: datetime, reach: Reach = ALL) -> Calls:
    query = select(Alert.was_right, func.count()).where(
        Alert.outcome.is_not(None), Alert.opened_at >= moment
    )
    if not reach.everything:  # such an alert is of a device
        query = query.join(Device, Device.id == Alert.device_pk)
        query = query.where(within(Device.ward_id, reach))
    counts = {row[0]: row[1] for row in db.session.execute(query.group_by(Alert.was_right))}
    return Calls(counts.get(True, 0), sum(counts.values()))


def open_by_kind() -> dict[str, int]:
    """How many that nobody has acknowledged."""
    query = select(Alert.kind, func.count()).where(Alert.state == AlertState.OPEN)
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Alert.kind))}


def alerts_within(reach: Reach) -> ColumnElement[bool]:
    """In a statement about alerts alone."""
    if reach.everything:
        return true()
    return Alert.id.in_(
        _alerts().where(_is_within(reach)).with_only_columns(Alert.id).order_by(None)
    )


def _is_within(reach: Reach) -> ColumnElement[bool]:
    """By the place of its subject; an alert of a site belongs to no ward of it."""
    if reach.everything:
        return true()
    return or_(
        within(Ward.id, reach),
        Alert.site_id.in_(sorted(reach.sites)),
        scope_within(Rollout.scope, Rollout.scope_key, reach),
    )


def _alerts() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Alert.id,
            Alert.kind,
            Alert.state,
            Alert.detail,
            Alert.opened_at,
            Alert.acknowledged_at,
            Alert.acknowledged_by,
            Alert.escalated_at,
            Alert.outcome,
            Alert.was_right,
            Alert.resolved_at,
            Alert.version,
            Device.device_id,
            Device.asset_tag,
            Ward.slug,
            Ward.name,
            Site.slug,
            Site.name,
            Rollout.id,
            Rollout.target,
            Rollout.target_slug,
            Rollout.target_version,
            Outage.since,
            Outage.devices,
            Outage.fell,
            Outage.silent,
        )
        .outerjoin(Device, Device.id == Alert.device_pk)
        .outerjoin(Ward, Ward.id == func.coalesce(Alert.ward_id, Device.ward_id))
        .outerjoin(Site, Site.id == func.coalesce(Alert.site_id, Ward.site_id))
        .outerjoin(Rollout, Rollout.id == Alert.rollout_id)
        .outerjoin(Outage, Outage.alert_id == Alert.id)
        .order_by(Alert.id.desc())
    )
