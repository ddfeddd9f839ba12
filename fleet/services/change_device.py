"""A device gets another ward, asset tag, model or serial number."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fleet.domain.words import Lifecycle
from fleet.services import audit, desired_state
from fleet.services.errors import Conflict, Invalid, NotFound, StaleVersion
from fleet.services.register_devices import ASSET_TAG, ASSET_TAG_WORDS, search_tokens
from fleet.services.wards import touch
from fleet.store.database import transaction
from fleet.store.device import Device, SearchToken
from fleet.store.site import Ward

CHANGEABLE = ("ward", "asset_tag", "model", "serial")


def change_device(
    device_id: str,
    changes: Mapping[str, str | None],
    actor: str,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """`changes`: new values by name, of those in CHANGEABLE; the others stay as they are.

    In another ward it has what is assigned there. Raises NotFound, Conflict (decommissioned),
    StaleVersion, Invalid.
    """
    with transaction() as session:
        device = session.scalar(select(Device).where(Device.device_id == device_id))
        if device is None:
            raise NotFound(f"no device {device_id}")
        if device.lifecycle != Lifecycle.ENROLLED:
            raise Conflict(f"{device_id} is decommissioned")
        before = _picture(device)
        after = {**before, **changes}
        values = _checked(session, device, after)
        if expected_version not in (None, device.version):
            raise StaleVersion(f"{device_id} has changed since it was read")
        if after == before:
            return
        old_ward = device.ward_id
        _set(session, device, values)
        audit.record(session, actor, "device.change", device_id, now, before, after)
        if device.ward_id != old_ward:
            desired_state.refresh(session, now, [device.id])
        touch(session, {old_ward, device.ward_id})


def _picture(device: Device) -> dict[str, Any]:
    return {
        "ward": device.ward.slug,
        "asset_tag": device.asset_tag,
        "model": device.model,
        "serial": device.serial,
    }


def _checked(session: Session, device: Device, after: Mapping[str, Any]) -> dict[str, Any]:
    """The columns' new values. Raises Invalid."""
    problems = {name: "cannot be changed" for name in after if name not in CHANGEABLE}
    ward_id = session.scalar(select(Ward.id).where(Ward.slug == after["ward"]))
    if ward_id is None:
        problems["ward"] = f"no such ward: {after['ward']}"
    tag = after["asset_tag"] or ""
    if not ASSET_TAG.fullmatch(tag):
        problems["asset_tag"] = ASSET_TAG_WORDS
    elif session.scalar(select(Device.id).where(Device.asset_tag == tag, Device.id != device.id)):
        problems["asset_tag"] = f"{tag} is registered already"
    for name in ("model", "serial"):
        text = after[name]
        if text and (len(text) > 64 or not text.isprintable()):
            problems[name] = "at most 64 printable characters"
    if problems:
        raise Invalid(problems)
    return {
        "ward_id": ward_id,
        "asset_tag": tag,
        "model": after["model"] or None,
        "serial": after["serial"] or None,
    }


def _set(session: Session, device: Device, values: Mapping[str, Any]) -> None:
    """Compare-and-set on the version; the words that it is found by follow."""
    changed = session.execute(
        update(Device)
        .where(Device.id == device.id, Device.version == device.version)
        .values(version=device.version + 1, **values)
        .returning(Device.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise StaleVersion(f"{device.device_id} has changed since it was read")
    session.refresh(device)
    session.execute(delete(SearchToken).where(SearchToken.device_pk == device.id))
    session.add_all(SearchToken(token=t, device_pk=device.id) for t in search_tokens(device))
