"""Step 3, record: every reading into the history, once, however often it came."""

from collections import Counter
from typing import Any

from sqlalchemy import func, select, tuple_

from fleet.ingest.batch import Batch, Spoken
from fleet.services.rollups import mark_late
from fleet.store.bulk import chunks, insert_or_ignore
from fleet.store.device import BatteryPack
from fleet.store.reading import Reading as ReadingRow
from fleet.store.site import Zone
from fleet.wire.messages import Battery, Reading, Telemetry

_NO_BATTERY: list[Battery | None] = [None]
PackKey = tuple[int, int, str]
"""Device primary key, slot, serial."""
MAX_PACKS_OF_A_DEVICE = 200


def record(batch: Batch) -> None:
    """Insert the readings of the batch, and promise each device an ack for them."""
    said = batch.said("telemetry")
    if not said:
        return
    packs, zones = _packs(batch, said), _zones(batch, said)
    rows = []
    for spoken in said:
        message = spoken.message
        assert isinstance(message, Telemetry)
        ack = batch.ack_for(spoken.device_id, message.boot)
        pk = batch.devices[spoken.device_id].pk
        for reading in message.readings:
            ack.seqs.add(reading.seq)
            for battery in reading.batteries or _NO_BATTERY:
                row = _row(pk, message.boot, reading, battery, zones)
                row["received_at"] = spoken.heard.received_at
                if battery is not None and battery.serial is not None:
                    row["pack_id"] = packs.get((pk, battery.slot, battery.serial))
                rows.append(row)
    if rows:
        batch.session.execute(insert_or_ignore(batch.session, ReadingRow), rows)
        times = ((row["device_pk"], row["sampled_at"], row["received_at"]) for row in rows)
        mark_late(batch.session, times)


def _row(
    pk: int, boot: int, reading: Reading, battery: Battery | None, zones: dict[str, int]
) -> dict[str, Any]:
    first = battery is None or battery is reading.batteries[0]
    zone = reading.location.zone if reading.location and first else None
    pack = battery or Battery()
    return {
        "device_pk": pk,
        "boot": boot,
        "seq": reading.seq,
        "slot": pack.slot,
        "sampled_at": reading.ts,
        "pack_id": None,
        "zone_id": zones.get(zone) if zone else None,
        "wifi_rssi_dbm": reading.system.wifi_rssi_dbm if reading.system and first else None,
        "soc_pct": pack.soc_pct,
        "status": pack.status,
        "power_source": pack.power_source,
        "voltage_mv": pack.voltage_mv,
        "current_ma": pack.current_ma,
        "temp_c": pack.temp_c,
        "cycle_count": pack.cycle_count,
        "remaining_mah": pack.remaining_mah,
        "full_charge_mah": pack.full_charge_mah,
    }


def _zones(batch: Batch, said: list[Spoken]) -> dict[str, int]:
    codes = {
        reading.location.zone
        for spoken in said
        for reading in _readings(spoken)
        if reading.location and reading.location.zone
    }
    if not codes:
        return {}
    found: dict[str, int] = {}
    for some in chunks(codes):
        rows = batch.session.execute(select(Zone.code, Zone.id).where(Zone.code.in_(some)))
        found |= {row.code: row.id for row in rows}
    return found


def _packs(batch: Batch, said: list[Spoken]) -> dict[PackKey, int]:
    """The packs that the batch names; one never heard of before is entered."""
    named: dict[PackKey, tuple[Battery, Spoken]] = {}
    for spoken in said:
        pk = batch.devices[spoken.device_id].pk
        for reading in _readings(spoken):
            for battery in reading.batteries:
                if battery.serial is not None:
                    named[pk, battery.slot, battery.serial] = battery, spoken
    if not named:
        return {}
    known = _known_packs(batch, list(named))
    missing = _within_limit(batch, [key for key in named if key not in known])
    if missing:
        new = [_new_pack(key, *named[key]) for key in sorted(missing)]
        batch.session.execute(insert_or_ignore(batch.session, BatteryPack), new)
        known |= _known_packs(batch, missing)
    return known


def _within_limit(batch: Batch, missing: list[PackKey]) -> list[PackKey]:
    """A device that names a new pack in each reading is broken: its readings alone count."""
    devices = {pk for pk, _, _ in missing}
    counted: Counter[int] = Counter()
    for some in chunks(devices):
        query = select(BatteryPack.device_pk, func.count()).where(BatteryPack.device_pk.in_(some))
        for pk, packs in batch.session.execute(query.group_by(BatteryPack.device_pk)):
            counted[pk] = packs
    allowed = []
    for key in sorted(missing):
        if counted[key[0]] < MAX_PACKS_OF_A_DEVICE:
            counted[key[0]] += 1
            allowed.append(key)
    return allowed


def _known_packs(batch: Batch, keys: list[PackKey]) -> dict[PackKey, int]:
    key = tuple_(BatteryPack.device_pk, BatteryPack.slot, BatteryPack.serial)
    columns = (BatteryPack.device_pk, BatteryPack.slot, BatteryPack.serial, BatteryPack.id)
    found: dict[PackKey, int] = {}
    for some in chunks(keys):
        for pk, slot, serial, pack_id in batch.session.execute(
            select(*columns).where(key.in_(some))
        ):
            found[pk, slot, serial] = pack_id
    return found


def _new_pack(key: PackKey, battery: Battery, spoken: Spoken) -> dict[str, Any]:
    pk, slot, serial = key
    return {
        "device_pk": pk,
        "slot": slot,
        "serial": serial,
        "model": battery.model,
        "chemistry": battery.chemistry,
        "design_mah": battery.design_mah,
        "first_seen_at": spoken.heard.received_at,
    }


def _readings(spoken: Spoken) -> list[Reading]:
    assert isinstance(spoken.message, Telemetry)
    return spoken.message.readings
