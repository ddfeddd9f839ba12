"""The device list: found by the beginnings of words, filtered, and paged by asset tag."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, union_all

from fleet.domain.words import Availability, ComplianceState, Identity, Lifecycle
from fleet.store.database import db
from fleet.store.enrolment import Certificate
from fleet.store.models import Configuration, Device, DeviceState, SearchToken, Ward
from fleet.store.queries.as_of import availability_at, compliance_at
from fleet.store.queries.enrolment import identity_at
from fleet.store.queries.search import Keys, devices_having, rarest, words_of

MOST_COUNTED = 1_000

_HELD_WORDS = (Availability.IN_USE, Availability.UNAVAILABLE)
"""What a device may be called by people's word alone."""


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """What is asked for; None or empty asks for nothing."""

    search: str = ""
    kind: str | None = None
    ward: str | None = None
    availability: str | None = None
    compliance: str | None = None
    identity: str | None = None

    @property
    def words(self) -> list[str]:
        return words_of(self.search)


class DeviceRow(NamedTuple):
    device_id: str
    asset_tag: str
    kind: str
    ward: str
    availability: str
    soc_pct: int | None
    compliance: str
    last_seen_at: datetime | None
    identity: str


class DevicePage(NamedTuple):
    """`after`: where the next page begins; None at the end."""

    rows: list[DeviceRow]
    after: str | None


def find_devices(
    wanted: DeviceFilter, now: datetime, after: str | None = None, limit: int = 50
) -> DevicePage:
    query = (
        select(
            Device.device_id,
            Device.asset_tag,
            Device.kind,
            Ward.name,
            availability_at(now),
            DeviceState.soc_pct,
            compliance_at(now),
            DeviceState.last_seen_at,
            identity_at(now),
        )
        .select_from(Device)
        .join(Ward)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .outerjoin(Configuration, Configuration.device_pk == Device.id)
        .where(*_conditions(wanted, now))
        .order_by(Device.asset_tag)
        .limit(limit + 1)
    )
    if after:
        query = query.where(Device.asset_tag > after)
    rows = [DeviceRow(*row) for row in db.session.execute(query)]
    return DevicePage(rows[:limit], rows[limit - 1].asset_tag if len(rows) > limit else None)


def count_devices(wanted: DeviceFilter, now: datetime) -> int:
    """How many there are, counted no further than MOST_COUNTED + 1."""
    some = (
        select(Device.id)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .outerjoin(Configuration, Configuration.device_pk == Device.id)
        .where(*_conditions(wanted, now))
        .limit(MOST_COUNTED + 1)
    )
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _conditions(wanted: DeviceFilter, now: datetime) -> list[ColumnElement[bool]]:
    left = wanted.identity == Identity.DECOMMISSIONED
    lifecycle = Lifecycle.DECOMMISSIONED if left else Lifecycle.ENROLLED
    conditions: list[ColumnElement[bool]] = [Device.lifecycle == lifecycle]
    if wanted.identity == Identity.PENDING:
        conditions.append(Device.pending.is_(True))
    elif wanted.identity:
        conditions.append(identity_at(now) == wanted.identity)
    if wanted.kind:
        conditions.append(Device.kind == wanted.kind)
    if wanted.ward:
        ward_id = select(Ward.id).where(Ward.slug == wanted.ward).scalar_subquery()
        conditions.append(Device.ward_id == ward_id)
    if wanted.availability:
        conditions.append(availability_at(now) == wanted.availability)
    if wanted.compliance:
        conditions.append(compliance_at(now) == wanted.compliance)
    conditions += [
        devices_having(word).where(SearchToken.device_pk == Device.id).exists()
        for word in wanted.words
    ]
    keys = rarest(_candidates(wanted, now))
    if keys is not None:
        conditions.append(Device.id.in_(keys))
    return conditions


def _candidates(wanted: DeviceFilter, now: datetime) -> list[Keys]:
    """For each condition that an index serves: the keys of all devices that may meet it."""
    found: list[Keys] = [devices_having(word) for word in wanted.words]
    if wanted.availability:
        states = select(DeviceState.device_pk)
        stored = states.where(DeviceState.availability == wanted.availability)
        silent = states.where(DeviceState.online, DeviceState.check_after <= now)
        held = states.where(DeviceState.hold.is_not(None))
        more: dict[str, Keys] = {Availability.UNKNOWN: silent, **dict.fromkeys(_HELD_WORDS, held)}
        wider = more.get(wanted.availability)
        found.append(stored if wider is None else union_all(stored, wider))
    if wanted.compliance:
        judgements = select(Configuration.device_pk)
        judged = judgements.where(Configuration.compliance == wanted.compliance)
        overdue = judgements.where(Configuration.judge_after <= now)
        is_unknown = wanted.compliance == ComplianceState.UNKNOWN
        found.append(union_all(judged, overdue) if is_unknown else judged)
    if wanted.identity == Identity.REVOKED:
        found.append(select(Certificate.device_pk).where(Certificate.revoked_at.is_not(None)))
    return found
