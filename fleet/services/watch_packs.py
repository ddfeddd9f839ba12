"""What must not wait for an hour's study: packs that overheat, devices docked without power."""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, or_, select, text, update
from sqlalchemy.orm import Session

from fleet.domain.battery.incidents import HOT_C, HOT_LITHIUM_C, dead_outlet
from fleet.domain.battery.usage import DOCKS_FROM
from fleet.domain.words import AlertKind, AlertState, Availability, Lifecycle
from fleet.services import alerts
from fleet.services.pack_slots import chemistry_of
from fleet.store.alert import Alert
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.locks import hold
from fleet.store.site import Zone

COOLED_BY_C = 5.0
"""Below the limit before the word is taken back."""
UNPOWERED_FOR = timedelta(minutes=10)
"""Between its round and its plug a cart may stand for a while."""

_HOTTEST = {
    "sqlite": "(SELECT max(json_extract(value, '$.temp_c')) FROM json_each(batteries))",
    "postgresql": "(SELECT max((pack ->> 'temp_c')::float)"
    " FROM json_array_elements(batteries) pack)",
}
_RESTING = ~DeviceState.availability.in_((Availability.IN_USE, Availability.UNKNOWN))
_AT_A_DOCK = DeviceState.zone_code.in_(select(Zone.code).where(Zone.powered_share >= DOCKS_FROM))
_UNPOWERED = and_(
    DeviceState.online, DeviceState.plugged_in.is_(False), ~DeviceState.charging,
    DeviceState.soc_pct < 100, _RESTING, _AT_A_DOCK,
)  # fmt: skip


def watch_packs(now: datetime) -> None:
    """Every minute, over the devices' newest words."""
    with transaction() as session:
        _overheating(session, now)
        _follow_power(session, now)
        _no_power(session, now)


def _overheating(session: Session, now: datetime) -> None:
    """Only devices near a limit, or with an alert, are looked at one by one."""
    hottest = _HOTTEST[session.connection().dialect.name]
    near = min(HOT_LITHIUM_C, *HOT_C.values()) - COOLED_BY_C
    standing = _standing(session, AlertKind.OVERHEATING)
    query = select(DeviceState.device_pk, DeviceState.batteries).where(
        or_(
            and_(DeviceState.online, text(f"{hottest} >= :near")),
            among(session, DeviceState.device_pk, sorted(standing)),
        )
    )
    due: dict[int, dict[AlertKind, str]] = {}
    for pk, packs in session.execute(query, {"near": near}):
        hot = [_too_hot(pack, pk in standing) for pack in packs]
        words = "; ".join(word for word in hot if word)
        due[pk] = {AlertKind.OVERHEATING: words} if words else {}
    for some in alerts.in_parts(due):
        alerts.reconcile(session, some, frozenset({AlertKind.OVERHEATING}), now)


def _too_hot(pack: dict[str, object], was_hot: bool) -> str | None:
    temp_c, word = pack.get("temp_c"), pack.get("chemistry")
    chemistry = chemistry_of(word) if isinstance(word, str) else None
    limit = HOT_C.get(chemistry, HOT_LITHIUM_C) if chemistry else HOT_LITHIUM_C
    if not isinstance(temp_c, int | float) or temp_c < limit - (COOLED_BY_C if was_hot else 0):
        return None
    return f"{pack.get('serial') or 'a pack'} has {temp_c:.0f} °C, at most {limit:.0f} °C allowed"


def _follow_power(session: Session, now: datetime) -> None:
    """Since when a device stands without power; rows are written only where that changes."""
    since = DeviceState.unpowered_since
    for whose, value in (
        (and_(_UNPOWERED, since.is_(None)), now),
        (and_(since.is_not(None), ~func.coalesce(_UNPOWERED, False)), None),
    ):
        if keys := hold(session, whose):
            state = update(DeviceState).where(among(session, DeviceState.device_pk, keys))
            session.execute(
                state.values(unpowered_since=value).execution_options(synchronize_session=False)
            )


def _no_power(session: Session, now: datetime) -> None:
    """Each for itself, unless it is so for all that stand there: then their ward, once."""
    bays: dict[tuple[int, str], list[tuple[int, bool]]] = defaultdict(list)
    for pk, ward_id, place, since in session.execute(_standing_in_bays()):
        bays[ward_id, place].append((pk, since is not None and since <= now - UNPOWERED_FOR))
    dead: dict[int, list[str]] = defaultdict(list)
    due: dict[int, dict[AlertKind, str]] = {pk: {} for pk in _standing(session, AlertKind.NO_POWER)}
    for (ward_id, place), bay in sorted(bays.items()):
        if dead_outlet([unpowered for _, unpowered in bay]):
            dead[ward_id].append(f"{place}: no power for all {len(bay)} devices there")
            continue
        for pk, unpowered in bay:
            if unpowered:
                due[pk] = {AlertKind.NO_POWER: f"stands in {place}, and no power comes"}
    for some in alerts.in_parts(due):
        alerts.reconcile(session, some, frozenset({AlertKind.NO_POWER}), now)
    wards = {ward_id: "; ".join(words) for ward_id, words in dead.items()}
    alerts.reconcile_wards(session, AlertKind.DEAD_OUTLET, wards, now)


def _standing_in_bays() -> Select[int, int, str, datetime | None]:
    """Devices at rest where devices are charged, of bays where at least one has no power."""
    dark = select(DeviceState.zone_code).where(DeviceState.unpowered_since.is_not(None))
    here = and_(
        DeviceState.online, _RESTING, Device.lifecycle == Lifecycle.ENROLLED,
        DeviceState.zone_code.in_(dark),
    )  # fmt: skip
    return (
        select(DeviceState.device_pk, Zone.ward_id, Zone.name, DeviceState.unpowered_since)
        .join(Device, Device.id == DeviceState.device_pk)
        .join(Zone, Zone.code == DeviceState.zone_code)
        .where(here)
    )


def _standing(session: Session, kind: AlertKind) -> set[int]:
    query = select(Alert.device_pk).where(Alert.kind == kind, Alert.state != AlertState.RESOLVED)
    return {pk for pk in session.scalars(query) if pk is not None}
