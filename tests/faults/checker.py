"""What the devices were promised, held against what the database has.

It may look at any moment, while everything runs: it notes first what is acked, and then reads the
database in one transaction. Whatever is acked must be there; what is there and not yet acked is no
fault, but must be what the device measured.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import Connection, Row, Select, create_engine, select
from sqlalchemy.pool import NullPool

from fleet.domain.words import AlertKind, AlertState
from fleet.store.models import Alert, Device, DeviceState, Reading, Transition
from tests.faults.devices import Device as Speaker
from tests.faults.devices import Key

MOST_SHOWN = 20
MEASURED = ("soc_pct", "voltage_mv", "remaining_mah", "current_ma", "status", "power_source")
LOW_PCT = 25
"""At or below it a device is low that has no capacity to promise anything from."""
AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Promised:
    """What one device was promised by a moment: all that it took and no longer keeps."""

    taken: dict[int, int]
    kept: frozenset[Key]

    def __iter__(self) -> Iterator[Key]:
        for boot, taken in self.taken.items():
            for seq in range(1, taken + 1):
                if (boot, seq) not in self.kept:
                    yield boot, seq


@dataclass(slots=True)
class Verdict:
    """`wrong` is empty where the promise was kept; each entry says whose and what."""

    acked: int = 0
    readings: int = 0
    alerts: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counted = f"{self.acked} readings acked, {self.readings} in the database"
        if not self.wrong:
            return f"{counted}, {self.alerts} alerts: nothing wrong"
        shown = "\n  ".join(self.wrong[:MOST_SHOWN])
        return f"{counted}: {len(self.wrong)} things wrong\n  {shown}"


def promised(devices: Iterable[Speaker]) -> dict[str, Promised]:
    return {
        device.id: Promised({n: b.taken for n, b in device.boots.items()}, frozenset(device.kept))
        for device in devices
    }


def check(url: str, devices: Mapping[str, Speaker], before: Mapping[str, Promised]) -> Verdict:
    """Hold the database at `url` against what the devices had been promised `before`."""
    verdict = Verdict()
    with _snapshot(url) as connection:
        states = {row.device_id: row for row in connection.execute(_of(devices, _STATES))}
        changes = _by_device(connection.execute(_of(devices, _TRANSITIONS)).all())
        alerts = _by_device(connection.execute(_of(devices, _ALERTS)).all())
        rows = connection.execution_options(yield_per=5_000).execute(_of(devices, _READINGS))
        history = {name: list(found) for name, found in groupby(rows, lambda row: row.device_id)}
    for name, promise in before.items():
        found = history.get(name, [])
        verdict.acked += sum(1 for _ in promise)
        verdict.readings += len(found)
        verdict.alerts += len(alerts[name])
        for words in (
            *_readings(devices[name], promise, found),
            *_latest(states[name], found),
            *_changes(changes[name]),
            *_alerts(states[name], found, changes[name], alerts[name]),
        ):
            verdict.wrong.append(f"{name}: {words}")
    return verdict


# --- The rules, each for one device ---------------------------------------------------------


def _readings(device: Speaker, promise: Promised, found: Sequence[AnyRow]) -> Iterator[str]:
    times = Counter((row.boot, row.seq) for row in found)
    for key in promise:
        if key not in times:
            yield f"lost: {key} was acked and is not there"
    for key, count in times.items():
        if count > 1:
            yield f"twice: {key} is there {count} times"
    for row in found:
        memory = device.boots.get(row.boot)
        if memory is None or not 1 <= row.seq <= memory.taken:
            yield f"never measured: {row.boot, row.seq}"
            continue
        said = device.battery(row.boot, row.seq)
        for name in MEASURED:
            if getattr(row, name) != said[name]:
                yield f"altered: {name} of {row.boot, row.seq} is {getattr(row, name)}"
        if row.sampled_at != memory.taken_at(row.seq):
            yield f"altered: {row.boot, row.seq} was not taken at {row.sampled_at}"


def _latest(state: AnyRow, found: Sequence[AnyRow]) -> Iterator[str]:
    newest = found[-1] if found else None
    expected = (newest.boot, newest.seq, newest.soc_pct) if newest else (-1, -1, None)
    if (state.boot, state.seq, state.soc_pct) != expected:
        yield f"latest: is {(state.boot, state.seq, state.soc_pct)}, should be {expected}"


def _changes(changes: Sequence[AnyRow]) -> Iterator[str]:
    """What a change begins with is what the one before it ended with."""
    by_aspect = defaultdict(list)
    for change in changes:
        by_aspect[change.aspect].append(change)
    for aspect, chain in by_aspect.items():
        for earlier, later in pairwise(chain):
            if later.old != earlier.new:
                yield f"{aspect}: became {earlier.new}, then was {later.old}"


def _alerts(
    state: AnyRow, found: Sequence[AnyRow], changes: Sequence[AnyRow], alerts: Sequence[AnyRow]
) -> Iterator[str]:
    by_kind = defaultdict(list)
    for alert in alerts:
        by_kind[alert.kind].append(alert)
    for kind, row in by_kind.items():
        for earlier, later in pairwise(row):
            if earlier.resolved_at is None or earlier.resolved_at > later.opened_at:
                yield f"two alerts at once: {kind}, opened again at {later.opened_at}"
    standing = {alert.kind for alert in alerts if alert.state != AlertState.RESOLVED}
    for kind in _OF_ITS_CHARGE:
        if (kind in standing) != getattr(state, kind):
            yield f"alerts {standing} stand, and {kind} is {getattr(state, kind)}"
    if AlertKind.OFFLINE in standing and state.online:
        yield "an alert that it is offline stands, and it is online"
    yield from _times(by_kind, changes, found)


def _times(
    by_kind: Mapping[str, Sequence[AnyRow]], changes: Sequence[AnyRow], found: Sequence[AnyRow]
) -> Iterator[str]:
    """What a low charge led to, once for each time that it was low."""
    became_low = sum(1 for c in changes if c.aspect == "availability" and c.new == "low")
    called = sum(1 for c in changes if c.aspect == "needs_charging" and c.new == "yes")
    opened = {kind: len(by_kind[kind]) for kind in _OF_ITS_CHARGE}
    at_most = _times_low(found)
    if opened[AlertKind.NEEDS_CHARGING] != called:
        yield f"{opened[AlertKind.NEEDS_CHARGING]} alerts to charge it, {called} changes on record"
    for times, what in (*((n, f"alerts {kind}") for kind, n in opened.items()),
                        (became_low, "changes to low")):  # fmt: skip
        if times > at_most:
            yield f"{times} {what}, and its readings in their order were low {at_most} times"


_OF_ITS_CHARGE = (AlertKind.NEEDS_CHARGING, AlertKind.NOT_CHARGING)
"""Alerts that a state has a column for, of the same name."""


def _times_low(found: Sequence[AnyRow]) -> int:
    """How often its charge is low, and it does not charge, over all readings in their order.

    The service judges the newest of each batch: the same readings with some left out, which never
    makes it more.
    """
    lows = [row.status != "charging" and row.soc_pct <= LOW_PCT for row in found]
    return sum(low and not before for before, low in pairwise([False, *lows]))


# --- Reading the database -------------------------------------------------------------------

_READINGS = (
    select(
        Device.device_id,
        Reading.boot,
        Reading.seq,
        Reading.sampled_at,
        *(getattr(Reading, name) for name in MEASURED),
    )
    .join(Device, Device.id == Reading.device_pk)
    .order_by(Device.device_id, Reading.boot, Reading.seq)
)
_STATES = select(
    Device.device_id,
    DeviceState.boot,
    DeviceState.seq,
    DeviceState.soc_pct,
    DeviceState.online,
    DeviceState.needs_charging,
    DeviceState.not_charging,
).join(DeviceState, DeviceState.device_pk == Device.id)
_TRANSITIONS = (
    select(Device.device_id, Transition.aspect, Transition.old, Transition.new)
    .join(Device, Device.id == Transition.device_pk)
    .order_by(Device.device_id, Transition.id)
)
_ALERTS = (
    select(Device.device_id, Alert.kind, Alert.state, Alert.opened_at, Alert.resolved_at)
    .join(Device, Device.id == Alert.device_pk)
    .order_by(Device.device_id, Alert.id)
)


def _of(devices: Mapping[str, Speaker], query: AnySelect) -> AnySelect:
    """Of these devices: their names stand together in the alphabet, or are all there are."""
    return query.where(Device.device_id.between(min(devices), max(devices)))


def _by_device(rows: Iterable[AnyRow]) -> defaultdict[str, list[AnyRow]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[row.device_id].append(row)
    return grouped


@contextmanager
def _snapshot(url: str) -> Iterator[Connection]:
    """One state of the database, however much is written meanwhile."""
    if url.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool)
    else:
        engine = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        if url.startswith("sqlite"):
            connection.exec_driver_sql("BEGIN")
        yield connection
