"""Births and last wills: when a device comes, and when the broker says that it has vanished."""

from sqlalchemy import tuple_, update

from fleet.domain.presence import will_counts
from fleet.ingest.batch import Batch, Known
from fleet.services import outbox
from fleet.services.silence import silence
from fleet.store.device import DeviceState
from fleet.wire.messages import PROTOCOL_VERSION, Birth, Rebirth, State


def births(batch: Batch) -> None:
    """Note who the device says it is. One whose boot counter went back is told where to go on."""
    for spoken in batch.said("birth"):
        birth = spoken.message
        assert isinstance(birth, Birth)
        known = batch.devices[spoken.device_id]
        if birth.boot < known.boot:
            _set_straight(batch, spoken.device_id, known)
            continue
        known.session = birth.session
        batch.session.execute(
            update(DeviceState)
            .where(
                DeviceState.device_pk == known.pk,
                tuple_(DeviceState.session_boot, DeviceState.session)
                <= tuple_(birth.boot, birth.session),
            )
            .values(session_boot=birth.boot, session=birth.session, agent=_self_description(birth))
        )


def wills(batch: Batch) -> None:
    """A device that the broker has lost, or that said goodbye, is unknown from now on."""
    for spoken in batch.said("state"):
        state = spoken.message
        assert isinstance(state, State)
        known = batch.devices[spoken.device_id]
        if not state.online and will_counts(state.session, known.session):
            batch.dirty_wards |= silence(batch.session, [known.pk], "went offline", batch.now)


def _set_straight(batch: Batch, device_id: str, known: Known) -> None:
    request = Rebirth(v=PROTOCOL_VERSION, min_boot=known.boot + 1)
    outbox.leave(batch.session, device_id, "rebirth", request, batch.now)


def _self_description(birth: Birth) -> dict[str, object]:
    return {
        "agent": birth.agent,
        "kind": birth.kind,
        "model": birth.model,
        "serial": birth.serial,
        "firmware": birth.firmware,
        "os": birth.os,
        "settings": birth.settings,
    }
