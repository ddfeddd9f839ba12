"""Step 4, evaluate: the newest reading of each device, judged by the rules of the domain."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, or_, update

from fleet.domain.age import clock_is_believable, measured_at
from fleet.domain.battery.packs import Pack
from fleet.domain.condition import Condition, Sample, assess
from fleet.domain.events import changes
from fleet.domain.presence import is_silent, offline_deadline
from fleet.domain.words import Availability, Chemistry
from fleet.ingest.batch import Batch, Known, Spoken
from fleet.services.transitions import shortened
from fleet.store.device import DeviceState
from fleet.wire.messages import App, Battery, Reading, Telemetry

_BROKEN = ("crashed", "stopped", "missing")


def evaluate(batch: Batch) -> None:
    """Move the current state of each device on; a reading older than the known one does not."""
    rows = [
        _state_row(batch, batch.devices[device_id], spoken, reading)
        for device_id, (spoken, reading) in _newest(batch).items()
    ]
    if rows:
        batch.session.connection().execute(_MOVE_ON, rows)


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


def _state_row(batch: Batch, known: Known, spoken: Spoken, reading: Reading) -> dict[str, Any]:
    message = spoken.message
    assert isinstance(message, Telemetry)
    received_at = spoken.heard.received_at
    synced = None if reading.clock is None else reading.clock == "synced"
    believable = clock_is_believable(reading.ts, received_at, synced)
    sampled_at = measured_at(
        reading.ts, received_at, believable, message.uptime_s, reading.uptime_s
    )
    after = assess(known.condition, _sample(reading, sampled_at), known.policies)
    deadline = offline_deadline(sampled_at, known.interval_s)
    # What a device sends from its memory after hours out of range is history, not its state now.
    online = not is_silent(deadline, batch.now)
    shown = after if online else _unknown(after)
    batch.conditions[known.pk] = known.condition, shown
    if online and not known.online:
        batch.heard_again.add(known.pk)
    # One that was online stays so with its deadline past: `mark_silent` then opens the alert.
    batch.changes += [(known.pk, change) for change in changes(known.condition, shown)]
    batch.dirty_wards.add(known.ward_id)
    return {
        "b_device_pk": known.pk,
        "b_boot": message.boot,
        "b_seq": reading.seq,
        "boot": message.boot,
        "seq": reading.seq,
        "online": online or known.online,
        "last_seen_at": received_at,
        "offline_after": deadline,
        "clock_ok": believable,
        "zone_code": reading.location.zone if reading.location else None,
        "batteries": msgspec.to_builtins(reading.batteries),
        "apps": msgspec.to_builtins(reading.apps),
        "system": msgspec.to_builtins(reading.system) if reading.system else {},
        **condition_columns(shown),
    }


def condition_columns(condition: Condition) -> dict[str, Any]:
    """A condition as the columns of `device_state`."""
    return {
        "availability": condition.availability,
        "reason": shortened(condition.reason),
        "soc_pct": condition.soc_pct,
        "plugged_in": condition.plugged_in,
        "charging": condition.charging,
        "load_ma": condition.load_ma,
        "runtime_min": condition.runtime_min,
        "full_in_min": condition.full_in_min,
        "needs_charging": condition.needs_charging,
        "not_charging": condition.not_charging,
        "replacement": shortened(condition.replacement),
        "soh_pct": condition.soh_pct,
        "failed_apps": list(condition.failed_apps),
        "sampled_at": condition.sampled_at,
    }


_COLUMNS = (
    "boot",
    "seq",
    "online",
    "last_seen_at",
    "offline_after",
    "clock_ok",
    "zone_code",
    "batteries",
    "apps",
    "system",
    *condition_columns(Condition()),
)

# Compare-and-set: where another worker has already recorded a newer reading, this one loses.
_MOVE_ON = (
    update(DeviceState.__table__)  # type: ignore[arg-type]  # a Table; typed as FromClause
    .where(
        DeviceState.device_pk == bindparam("b_device_pk"),
        or_(
            DeviceState.boot < bindparam("b_boot"),
            and_(
                DeviceState.boot == bindparam("b_boot"),
                DeviceState.seq < bindparam("b_seq"),
            ),
        ),
    )
    .values({name: bindparam(name) for name in _COLUMNS})
)


def _unknown(condition: Condition) -> Condition:
    return replace(condition, availability=Availability.UNKNOWN, reason="old reading")


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
    return Pack(
        slot=battery.slot,
        serial=battery.serial,
        chemistry=Chemistry(battery.chemistry) if battery.chemistry else None,
        soc_pct=battery.soc_pct,
        voltage_mv=battery.voltage_mv,
        current_ma=battery.current_ma,
        temp_c=battery.temp_c,
        cycle_count=battery.cycle_count,
        remaining_mah=battery.remaining_mah,
        full_charge_mah=battery.full_charge_mah,
        design_mah=battery.design_mah,
        status=battery.status,
        health=battery.health,
        power_source=battery.power_source,
    )
