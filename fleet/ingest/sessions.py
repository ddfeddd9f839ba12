"""Births and last wills: when a device comes, and when the broker says that it has vanished."""

from datetime import timedelta

from sqlalchemy import bindparam, tuple_, update

from fleet.domain.presence import will_counts
from fleet.ingest.batch import Batch, Known, Spoken
from fleet.services import outbox
from fleet.services.silence import silence
from fleet.store.bulk import among
from fleet.store.device import DeviceState
from fleet.wire.messages import PROTOCOL_VERSION, Birth, Rebirth, State

ASK_AGAIN_AFTER = timedelta(minutes=1)


def births(batch: Batch) -> None:
    """Note who the device says it is. One whose boot counter went back is told where to go on."""
    rows = []
    for spoken in batch.said("birth"):
        birth = spoken.message
        assert isinstance(birth, Birth)
        known = batch.devices[spoken.device_id]
        if _went_back(birth, known):
            _set_straight(batch, spoken.device_id, known)
            continue
        known.session_boot, known.session = birth.boot, birth.session
        rows.append(
            {
                "b_device_pk": known.pk,
                "b_boot": birth.boot,
                "b_session": birth.session,
                "b_agent": _self_description(birth),
            }
        )
    if rows:
        batch.session.connection().execute(_BEGIN_SESSION, rows)


# Compare-and-set: another worker may have heard the birth of a later session.
_BEGIN_SESSION = (
    update(DeviceState.__table__)  # type: ignore[arg-type]  # a Table; typed as FromClause
    .where(
        DeviceState.device_pk == bindparam("b_device_pk"),
        tuple_(DeviceState.session_boot, DeviceState.session)
        <= tuple_(bindparam("b_boot"), bindparam("b_session")),
    )
    .values(
        session_boot=bindparam("b_boot"),
        session=bindparam("b_session"),
        agent=bindparam("b_agent"),
    )
)


def wills(batch: Batch) -> None:
    """A device that the broker has lost, or that said goodbye, is unknown from now on.

    All of a batch at once: a power cut lets the broker speak for thousands in a second. A retained
    one is the past, said again to a new connection; silence is told by the deadline.
    """
    lost = [
        batch.devices[spoken.device_id].pk for spoken in batch.said("state") if _lost(batch, spoken)
    ]
    if lost:
        chosen = among(batch.session, DeviceState.device_pk, lost)
        _, wards = silence(batch.session, chosen, "went offline", batch.now)
        batch.dirty_wards |= wards


def _lost(batch: Batch, spoken: Spoken) -> bool:
    state, known = spoken.message, batch.devices[spoken.device_id]
    assert isinstance(state, State)
    if state.online or spoken.heard.retained:
        return False
    return will_counts(state.boot, state.session, known.session_boot, known.session)


def _went_back(birth: Birth, known: Known) -> bool:
    """A device that lost its memory begins again where it has been before."""
    same_boot_again = birth.boot == known.session_boot and birth.session < known.session
    return birth.boot < max(known.boot, known.session_boot) or same_boot_again


def _set_straight(batch: Batch, device_id: str, known: Known) -> None:
    """Ask, but not at every birth: a device that does not understand would answer for ever."""
    asked_at = known.rebirth_asked_at
    if asked_at is not None and batch.now - asked_at < ASK_AGAIN_AFTER:
        return
    known.rebirth_asked_at = batch.now
    batch.session.execute(
        update(DeviceState)
        .where(DeviceState.device_pk == known.pk)
        .values(rebirth_asked_at=batch.now)
    )
    request = Rebirth(v=PROTOCOL_VERSION, min_boot=max(known.boot, known.session_boot) + 1)
    expires_at = batch.now + ASK_AGAIN_AFTER
    outbox.leave(batch.session, device_id, "rebirth", request, batch.now, expires_at=expires_at)


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
