"""Step 4, evaluate: the newest reading of each device, judged by the rules of the domain."""

from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from fleet.domain.age import clock_is_believable, clock_is_right, measured_at
from fleet.domain.battery.packs import Pack
from fleet.domain.condition import Condition, Sample, assess, take_stock
from fleet.domain.events import changes
from fleet.domain.presence import is_silent, offline_deadline
from fleet.domain.words import Availability
from fleet.ingest.batch import Batch, Known, Spoken
from fleet.ingest.promise import promise_all
from fleet.services.transitions import shortened
from fleet.store.device import DeviceState
from fleet.store.driver import BulkUpdate
from fleet.wire.messages import App, Battery, Reading, Telemetry

_BROKEN = ("crashed", "stopped", "missing")
_of_pack = attrgetter(*Pack._fields)
"""The wire's words for a pack are the domain's."""


class _Heard(NamedTuple):
    """The newest reading of one device. `believable`: whether its clock is."""

    known: Known
    spoken: Spoken
    reading: Reading
    believable: bool
    sample: Sample


def evaluate(batch: Batch) -> None:
    """Move the current state of each device on; a reading older than the known one does not."""
    heard = [
        _heard(batch.devices[device_id], spoken, reading)
        for device_id, (spoken, reading) in _newest(batch).items()
    ]
    stocks = [take_stock(h.known.condition, h.sample, h.known.policies) for h in heard]
    promised = promise_all(batch, [h.known for h in heard], stocks)
    rows = [
        _state_row(batch, h, assess(h.known.condition, h.sample, h.known.policies, stock, *its))
        for h, stock, its in zip(heard, stocks, promised, strict=True)
    ]
    _MOVE_ON.run(batch.session, rows)


def _newest(batch: Batch) -> dict[str, tuple[Spoken, Reading]]:
    newest: dict[str, tuple[Spoken, Reading]] = {}
    order: dict[str, tuple[int, int]] = {}
    for spoken in batch.said("telemetry"):
        message = spoken.message
        assert isinstance(message, Telemetry)
        known = batch.devices[spoken.device_id]
        for reading in message.readings:
            at = (message.boot, reading.seq)
            if at > order.get(spoken.device_id, (known.boot, known.seq)):
                order[spoken.device_id] = at
                newest[spoken.device_id] = spoken, reading
    return newest


def _heard(known: Known, spoken: Spoken, reading: Reading) -> _Heard:
    message = spoken.message
    assert isinstance(message, Telemetry)
    received_at = spoken.heard.received_at
    synced = None if reading.clock is None else reading.clock == "synced"
    believable = clock_is_believable(reading.ts, received_at, synced)
    sampled_at = measured_at(
        reading.ts, received_at, believable, message.uptime_s, reading.uptime_s
    )
    return _Heard(known, spoken, reading, believable, _sample(reading, sampled_at))


def _state_row(batch: Batch, heard: _Heard, after: Condition) -> tuple[Any, ...]:
    known, spoken, reading, believable, sample = heard
    message, sampled_at = spoken.message, sample.sampled_at
    assert isinstance(message, Telemetry)
    deadline = offline_deadline(sampled_at, known.interval_s)
    # What a device sends from its memory after hours out of range is history, not its state now.
    online = not is_silent(deadline, batch.now)
    shown = after if online else _unknown(after)
    batch.conditions[known.pk] = known.condition, shown
    if online and not known.online:
        batch.heard_again.add(known.pk)
    # One that was online stays so with its deadline past: `mark_silent` looks at that.
    batch.changes += [(known.pk, change) for change in changes(known.condition, shown)]
    batch.dirty_wards.add(known.ward_id)
    return (
        known.pk,
        message.boot,
        reading.seq,
        online or known.online,
        spoken.heard.received_at,
        deadline,
        believable and clock_is_right(reading.ts, sampled_at),
        reading.location.zone if reading.location else None,
        reading.batteries,
        reading.apps,
        reading.system or {},
        *_fitting(shown),
    )


def _fitting(condition: Condition) -> Condition:
    """As the columns hold it. Most often there is no reason at all, and nothing to be made anew."""
    if condition.reason is None and condition.replacement is None:
        return condition
    return condition._replace(
        reason=shortened(condition.reason), replacement=shortened(condition.replacement)
    )


# Compare-and-set: where another worker has already recorded a newer reading, this one loses.
_MOVE_ON = BulkUpdate(
    DeviceState,
    "device_pk",
    ("boot", "seq"),
    (
        "online",
        "last_seen_at",
        "offline_after",
        "clock_ok",
        "zone_code",
        "batteries",
        "apps",
        "system",
        *Condition._fields,
    ),
)


def _unknown(condition: Condition) -> Condition:
    return condition._replace(availability=Availability.UNKNOWN, reason="old reading")


def _sample(reading: Reading, sampled_at: datetime) -> Sample:
    return Sample(
        sampled_at=sampled_at,
        packs=tuple(_pack(battery) for battery in reading.batteries),
        idle_s=reading.system.idle_s if reading.system else None,
        failed_apps=tuple(app.name for app in reading.apps if _is_broken(app)),
    )


def _is_broken(app: App) -> bool:
    return app.state in _BROKEN


def _pack(battery: Battery) -> Pack:
    return Pack._make(_of_pack(battery))
