"""Births and last wills: when a device comes, and when the broker says that it has vanished."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fleet.domain.presence import will_counts
from fleet.ingest.batch import Batch, Known
from fleet.services import outbox
from fleet.services.silence import silence
from fleet.store.device import DeviceState
from fleet.store.driver import BulkUpdate
from fleet.wire.messages import PROTOCOL_VERSION, Birth, Rebirth, State, Telemetry

ASK_AGAIN_AFTER = timedelta(minutes=1)
ASK_FOR_BIRTH_AFTER = timedelta(minutes=10)
"""A simple device that never says birth is not asked with each of its readings."""

_NOTE_BIRTH = BulkUpdate(DeviceState, "device_pk", ("session_boot", "session"), ("agent",))
_NOTE_ASKED = BulkUpdate(DeviceState, "device_pk", (), ("rebirth_asked_at",))


def births(batch: Batch) -> None:
    """Note who the device says it is; ask those again of whom that is not known.

    One whose boot counter went back is told where to go on. One that reports from a boot of which
    no birth was heard was born while nobody listened.
    """
    born: dict[int, tuple[int, int, int, dict[str, object]]] = {}
    asked: dict[str, Rebirth] = {}
    for spoken in batch.said("birth"):
        birth = spoken.message
        assert isinstance(birth, Birth)
        known = batch.devices[spoken.device_id]
        if not _went_back(birth, known):
            known.session_boot, known.session = birth.boot, birth.session
            born[known.pk] = known.pk, birth.boot, birth.session, _self_description(birth)
        elif spoken.heard.retained:
            continue  # the past, said again to a new connection
        elif _may_ask(known.rebirth_asked_at, batch.now, ASK_AGAIN_AFTER):
            known.rebirth_asked_at = batch.now
            asked[spoken.device_id] = Rebirth(PROTOCOL_VERSION, _first_free_boot(known))
    _NOTE_BIRTH.run(batch.session, list(born.values()))
    _NOTE_ASKED.run(batch.session, [(batch.devices[name].pk, batch.now) for name in asked])
    for device_id in _born_unheard(batch):
        asked.setdefault(device_id, Rebirth(PROTOCOL_VERSION))
    expires_at = batch.now + ASK_AGAIN_AFTER
    for device_id, request in asked.items():
        outbox.leave(batch.session, device_id, "rebirth", request, batch.now, expires_at=expires_at)


def _born_unheard(batch: Batch) -> Iterator[str]:
    """Who reports from a boot of which no birth is known."""
    for spoken in batch.said("telemetry"):
        assert isinstance(spoken.message, Telemetry)
        known = batch.devices[spoken.device_id]
        if spoken.message.boot > known.session_boot and not spoken.heard.retained:
            asked_at = batch.memory.birth_asked_at.get(known.pk)
            if _may_ask(asked_at, batch.now, ASK_FOR_BIRTH_AFTER):
                batch.memory.birth_asked_at[known.pk] = batch.now
                yield spoken.device_id


def _may_ask(asked_at: datetime | None, now: datetime, again_after: timedelta) -> bool:
    """Not at every message: a device that does not understand would answer for ever."""
    return asked_at is None or now - asked_at >= again_after


def wills(batch: Batch) -> None:
    """A device that the broker has lost, or that said goodbye, is unknown from now on.

    A retained one is the past, said again to a new connection; silence is told by the deadline.
    """
    for spoken in batch.said("state"):
        state = spoken.message
        assert isinstance(state, State)
        known = batch.devices[spoken.device_id]
        if state.online or spoken.heard.retained:
            continue
        if will_counts(state.boot, state.session, known.session_boot, known.session):
            chosen = DeviceState.device_pk == known.pk
            _, wards = silence(batch.session, chosen, "went offline", batch.now)
            batch.dirty_wards |= wards


def _went_back(birth: Birth, known: Known) -> bool:
    """A device that lost its memory begins again where it has been before."""
    same_boot_again = birth.boot == known.session_boot and birth.session < known.session
    return birth.boot < max(known.boot, known.session_boot) or same_boot_again


def _first_free_boot(known: Known) -> int:
    return max(known.boot, known.session_boot) + 1


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
