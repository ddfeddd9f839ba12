"""Step 2, identify: who of the speakers is enrolled, and what is known of each."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select

from fleet.domain.battery.policy import default_policy
from fleet.domain.condition import Condition, Policies
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.domain.words import Availability, Chemistry, Lifecycle
from fleet.ingest.batch import Batch, Known, Rejected
from fleet.ingest.decode import HEARTBEAT, refuse_all
from fleet.store.configuration import Configuration
from fleet.store.device import Device, DeviceState
from fleet.store.profile import ProfileVersion

_STATE = (
    DeviceState.boot,
    DeviceState.seq,
    DeviceState.session,
    DeviceState.session_boot,
    DeviceState.online,
    DeviceState.rebirth_asked_at,
    DeviceState.availability,
    DeviceState.reason,
    DeviceState.soc_pct,
    DeviceState.plugged_in,
    DeviceState.charging,
    DeviceState.load_ma,
    DeviceState.runtime_min,
    DeviceState.full_in_min,
    DeviceState.needs_charging,
    DeviceState.not_charging,
    DeviceState.replacement,
    DeviceState.soh_pct,
    DeviceState.failed_apps,
    DeviceState.sampled_at,
)


def identify(batch: Batch) -> None:
    """Fill `devices`; whoever is not enrolled is rejected, with all that it said."""
    names = {spoken.device_id for spoken in batch.spoken if spoken.channel != HEARTBEAT}
    names |= {device_id for device_id, _ in batch.acks}
    if not names:
        return
    rows = batch.session.execute(
        select(
            Device.id,
            Device.device_id,
            Device.ward_id,
            Device.lifecycle,
            Configuration.profile_version_id,
            *_STATE,
        )
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Configuration, Configuration.device_pk == Device.id)
        .where(Device.device_id.in_(names))
        # Held until the commit, in one order: whoever else changes these devices waits, and sees
        # what this batch made of them.
        .order_by(Device.id)
        .with_for_update(of=[Device, DeviceState], key_share=True)
    ).all()
    gone = {row.device_id for row in rows if row.lifecycle != Lifecycle.ENROLLED}
    profiles = _profiles(batch, {r.profile_version_id for r in rows if r.profile_version_id})
    for row in rows:
        if row.device_id not in gone:
            batch.devices[row.device_id] = _known(row, *profiles[row.profile_version_id])
    _reject_strangers(batch, gone)


def _reject_strangers(batch: Batch, gone: set[str]) -> None:
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
        else:
            reason, kind = "unknown device: not registered", "unknown_device"
        batch.rejected.append(Rejected(spoken.heard, reason, spoken.device_id, kind))
    batch.spoken = accepted
    # A stranger hears nothing, and keeps its readings until it is registered.
    batch.acks = {k: ack for k, ack in batch.acks.items() if k[0] in gone | batch.devices.keys()}


def _profiles(
    batch: Batch, version_ids: set[int]
) -> dict[int | None, tuple[dict[str, Any], Policies]]:
    """By profile version: its document, and the rules' view of it."""
    rows = batch.session.execute(
        select(ProfileVersion.id, ProfileVersion.document).where(ProfileVersion.id.in_(version_ids))
    )
    found: dict[int | None, tuple[dict[str, Any], Policies]] = {None: ({}, Policies())}
    for row in rows:
        found[row.id] = row.document, policies_of(row.document)
    return found


def _known(row: Row[*tuple[Any, ...]], document: dict[str, Any], policies: Policies) -> Known:
    return Known(
        pk=row.id,
        ward_id=row.ward_id,
        boot=row.boot,
        seq=row.seq,
        session=row.session,
        session_boot=row.session_boot,
        online=row.online,
        rebirth_asked_at=row.rebirth_asked_at,
        condition=Condition(
            availability=Availability(row.availability),
            reason=row.reason,
            soc_pct=row.soc_pct,
            plugged_in=row.plugged_in,
            charging=row.charging,
            load_ma=row.load_ma,
            runtime_min=row.runtime_min,
            full_in_min=row.full_in_min,
            needs_charging=row.needs_charging,
            not_charging=row.not_charging,
            replacement=row.replacement,
            soh_pct=row.soh_pct,
            failed_apps=tuple(row.failed_apps),
            sampled_at=row.sampled_at,
        ),
        policies=policies,
        interval_s=document.get("reporting", {}).get("interval_s", DEFAULT_INTERVAL_S),
    )


def policies_of(document: dict[str, Any]) -> Policies:
    """The rules' view of a profile document."""
    battery = document.get("battery", {})
    required = document.get("apps", {}).get("required", [])
    return Policies(
        battery={
            Chemistry(name): replace(default_policy(Chemistry(name)), **limits)
            for name, limits in battery.items()
        },
        required_apps=frozenset(app["name"] for app in required),
    )
