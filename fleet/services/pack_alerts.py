"""What a study found that is not wear: on record, and alerts that follow it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from fleet.domain.battery.incidents import Incident
from fleet.domain.battery.packs import Pack
from fleet.domain.events import Change
from fleet.domain.words import AlertKind
from fleet.services import alerts, transitions
from fleet.services.learn_packs import Lesson
from fleet.services.pack_slots import Happened, Move, Studied

RUN_DOWN = (
    "guided run-down test: charge until full, unplug, use it until it switches off, "
    "charge in one go"
)
"""From full to the cut-off the capacity shows itself, and the gauge learns it anew."""


def note_changes(
    session: Session,
    packs: Sequence[Studied],
    happened: Sequence[Happened],
    moves: Sequence[Move],
    now: datetime,
) -> None:
    """Swaps and resets in the record of the device."""
    changes = [
        (packs[event.pack].device_pk, _reset(event.before, event.after, packs[event.pack]))
        for event in happened
        if event.incident == Incident.GAUGE_RESET
    ]
    changes += [(m.pack.device_pk, _swap(m)) for m in moves if m.removed_at is not None]
    transitions.record(session, changes, now)


def hold_suspicions(
    session: Session,
    packs: Sequence[Studied],
    happened: Sequence[Happened],
    lesson: Lesson,
    now: datetime,
) -> None:
    """A gauge lies until a run-down has shown the truth; a pack is suspected until it is cool."""
    gauges: dict[int, dict[AlertKind, str]] = {
        packs[n].device_pk: {} for n in sorted(lesson.proved)
    }
    for event in happened:
        pack = packs[event.pack]
        gauges[pack.device_pk] = {AlertKind.GAUGE_LIES: _lie(event, pack)}
    alerts.reconcile(session, gauges, frozenset({AlertKind.GAUGE_LIES}), now)
    bodies: dict[int, dict[AlertKind, str]] = {}
    for n, swollen in sorted(lesson.swollen.items(), key=lambda item: item[1]):
        pack = packs[n]
        words = f"{pack.name}: warm at rest, and its voltage is low: take it out and look"
        bodies[pack.device_pk] = {AlertKind.SWELLING: words} if swollen else {}
    alerts.reconcile(session, bodies, frozenset({AlertKind.SWELLING}), now)


def _lie(event: Happened, pack: Studied) -> str:
    if event.incident == Incident.GAUGE_RESET:
        return f"{pack.name}: its gauge was reset; {RUN_DOWN}"
    fell = f"fell from {event.before.soc_pct} % to {event.after.soc_pct} % at once"
    return f"{pack.name}: {fell}; {RUN_DOWN}"


def _reset(before: Pack, after: Pack, pack: Studied) -> Change:
    return Change(
        "gauge", f"{before.cycle_count} cycles", f"{after.cycle_count} cycles",
        f"{pack.name}: its gauge was reset",
    )  # fmt: skip


def _swap(move: Move) -> Change:
    return Change("pack", move.pack.name, move.other.name, f"slot {move.pack.slot}")
