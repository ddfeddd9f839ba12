"""Step 2, identify: who of the speakers is enrolled, and what is known of each."""

from typing import Any

import msgspec
from sqlalchemy import Row, String, cast, select

from fleet.domain.condition import Condition, Policies
from fleet.domain.policies import policies_of
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.domain.words import Lifecycle
from fleet.ingest.batch import Batch, Known, Rejected
from fleet.ingest.decode import HEARTBEAT, refuse_all
from fleet.store.configuration import Configuration
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.profile import ProfileVersion

Judged = tuple[Policies, int]

# In the order of the fields of `Condition`.
_CONDITION = tuple(
    cast(DeviceState.failed_apps, String) if name == "failed_apps" else getattr(DeviceState, name)
    for name in Condition._fields
)
_KNOWN = (
    Device.device_id,
    Device.lifecycle,
    Device.pending,
    Configuration.profile_version_id,
    Device.id,
    Device.ward_id,
    DeviceState.boot,
    DeviceState.seq,
    DeviceState.session,
    DeviceState.session_boot,
    DeviceState.online,
    DeviceState.rebirth_asked_at,
)


def identify(batch: Batch) -> None:
    """Fill `devices`; whoever is not enrolled is rejected, with all that it said."""
    names = {spoken.device_id for spoken in batch.spoken if spoken.channel != HEARTBEAT}
    names |= {device_id for device_id, _ in batch.acks}
    if not names:
        return
    rows = batch.session.execute(
        select(*_KNOWN, *_CONDITION)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Configuration, Configuration.device_pk == Device.id)
        .where(among(batch.session, Device.device_id, sorted(names)))
        # Held until the commit, in one order: whoever else changes these devices waits, and sees
        # what this batch made of them.
        .order_by(Device.id)
        .with_for_update(of=[Device, DeviceState], key_share=True)
    ).all()
    profiles = _profiles(batch, {row.profile_version_id for row in rows})
    gone, pending = set(), set()
    for row in rows:
        device_id, lifecycle, waits, version_id = row[:4]
        if lifecycle != Lifecycle.ENROLLED:
            gone.add(device_id)
        elif waits:
            pending.add(device_id)
        else:
            batch.devices[device_id] = _known(row, *profiles[version_id])
    _reject_strangers(batch, gone, pending)


def _reject_strangers(batch: Batch, gone: set[str], pending: set[str]) -> None:
    accepted = []
    for spoken in batch.spoken:
        if spoken.channel == HEARTBEAT or spoken.device_id in batch.devices:
            accepted.append(spoken)
            continue
        if spoken.heard.retained:
            continue  # the broker says it again at every connection; it was set aside once
        if spoken.device_id in gone:
            reason, kind = "device is decommissioned", "decommissioned_device"
            refuse_all(batch, spoken.heard, reason)
        elif spoken.device_id in pending:
            reason, kind = "device waits for approval", "pending_device"
        else:
            reason, kind = "unknown device: not registered", "unknown_device"
        batch.rejected.append(Rejected(spoken.heard, reason, spoken.device_id, kind))
    batch.spoken = accepted
    # A stranger hears nothing, and keeps its readings until it is registered; so does who waits.
    batch.acks = {k: ack for k, ack in batch.acks.items() if k[0] in gone | batch.devices.keys()}


def _profiles(batch: Batch, version_ids: set[int | None]) -> dict[int | None, Judged]:
    """By profile version: the rules' view of it, and its reporting interval."""
    rows = batch.session.execute(
        select(ProfileVersion.id, ProfileVersion.document).where(
            ProfileVersion.id.in_(version_ids - {None})
        )
    )
    found: dict[int | None, Judged] = {None: (Policies(), DEFAULT_INTERVAL_S)}
    for row in rows:
        interval_s = row.document.get("reporting", {}).get("interval_s", DEFAULT_INTERVAL_S)
        found[row.id] = policies_of(row.document), interval_s
    return found


def _known(row: Row[*tuple[Any, ...]], policies: Policies, interval_s: int) -> Known:
    condition = Condition._make(row[len(_KNOWN) :])
    names: Any = condition.failed_apps  # as text; most often there are none
    failed_apps = () if names == "[]" else tuple(msgspec.json.decode(names))
    condition = condition._replace(failed_apps=failed_apps)
    known: tuple[Any, ...] = (*row[4 : len(_KNOWN)], condition, policies, interval_s)
    return Known(*known)
