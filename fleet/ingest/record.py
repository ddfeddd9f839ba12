"""Step 3, record: every reading into the history, once, however often it came."""

from collections import ChainMap, Counter
from collections.abc import Collection, Mapping
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import select

from fleet.ingest.batch import Batch, PackKey, Spoken
from fleet.services.rollups import mark_late
from fleet.store.bulk import chunks
from fleet.store.device import BatteryPack
from fleet.store.driver import BulkInsert, among
from fleet.store.reading import Reading as ReadingRow
from fleet.store.site import Zone
from fleet.wire.messages import Battery, Reading, Telemetry

_NO_BATTERY = [Battery()]
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
            zone_id = zones.get(reading.location.zone or "") if reading.location else None
            rssi = reading.system.wifi_rssi_dbm if reading.system else None
            for battery in reading.batteries or _NO_BATTERY:
                pack_id = packs.get((pk, battery.slot, battery.serial)) if battery.serial else None
                rows.append(
                    (
                        pk,
                        message.boot,
                        reading.seq,
                        battery.slot,
                        reading.ts,
                        spoken.heard.received_at,
                        pack_id,
                        zone_id,
                        rssi,
                        *_measured(battery),
                    )
                )
                zone_id = rssi = None  # they stand in the first row of a reading
    _APPEND.run(batch.session, rows)
    mark_late(batch.session, map(_times, rows))


_MEASURED = (
    "soc_pct",
    "status",
    "power_source",
    "voltage_mv",
    "current_ma",
    "temp_c",
    "cycle_count",
    "remaining_mah",
    "full_charge_mah",
)
_measured = attrgetter(*_MEASURED)
_COLUMNS = (
    "device_pk",
    "boot",
    "seq",
    "slot",
    "sampled_at",
    "received_at",
    "pack_id",
    "zone_id",
    "wifi_rssi_dbm",
    *_MEASURED,
)
_times = itemgetter(*map(_COLUMNS.index, ("device_pk", "sampled_at", "received_at")))
_APPEND = BulkInsert(ReadingRow, _COLUMNS)


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


def _packs(batch: Batch, said: list[Spoken]) -> Mapping[PackKey, int]:
    """The packs that the batch names; one never heard of before is entered."""
    known = batch.memory.packs
    named: dict[PackKey, tuple[Battery, Spoken]] = {}
    for spoken in said:
        pk = batch.devices[spoken.device_id].pk
        for reading in _readings(spoken):
            for battery in reading.batteries:
                if battery.serial is None:
                    continue
                key = (pk, battery.slot, battery.serial)
                if key not in known:
                    named[key] = battery, spoken
    if not named:
        return known
    device_pks = {pk for pk, _, _ in named}
    theirs = _known_packs(batch, device_pks)
    known |= theirs
    missing = _within_limit([key for key in named if key not in known], theirs)
    if not missing:
        return known
    _ENTER.run(batch.session, [_new_pack(key, *named[key]) for key in missing])
    # Not yet committed, so not yet to be remembered.
    return ChainMap(_known_packs(batch, device_pks), known)


def _known_packs(batch: Batch, device_pks: Collection[int]) -> dict[PackKey, int]:
    query = select(BatteryPack.device_pk, BatteryPack.slot, BatteryPack.serial, BatteryPack.id)
    rows = batch.session.execute(
        query.where(among(batch.session, BatteryPack.device_pk, sorted(device_pks)))
    )
    return {(pk, slot, serial): pack_id for pk, slot, serial, pack_id in rows}


def _within_limit(missing: list[PackKey], known: Collection[PackKey]) -> list[PackKey]:
    """A device that names a new pack in each reading is broken: its readings alone count."""
    counted = Counter(pk for pk, _, _ in known)
    allowed = []
    for key in sorted(missing):
        if counted[key[0]] < MAX_PACKS_OF_A_DEVICE:
            counted[key[0]] += 1
            allowed.append(key)
    return allowed


_ENTER = BulkInsert(
    BatteryPack,
    ("device_pk", "slot", "serial", "model", "chemistry", "design_mah", "first_seen_at"),
)


def _new_pack(key: PackKey, battery: Battery, spoken: Spoken) -> tuple[Any, ...]:
    received_at = spoken.heard.received_at
    return *key, battery.model, battery.chemistry, battery.design_mah, received_at


def _readings(spoken: Spoken) -> list[Reading]:
    assert isinstance(spoken.message, Telemetry)
    return spoken.message.readings
