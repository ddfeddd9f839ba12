"""Which pack each reading is of, and what happened to the slots: swaps, resets, gauges that lie."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from fleet.domain.battery.incidents import Incident, between, worth_a_look
from fleet.domain.battery.packs import Pack
from fleet.domain.battery.rows import Rows, filled, rows_of
from fleet.domain.battery.swings import Run
from fleet.domain.words import Chemistry
from fleet.store.battery import PackState
from fleet.store.packed import run_of
from fleet.store.study import NOBODY, Readings

Places = NDArray[np.intp]


@dataclass(slots=True)
class Studied:
    """A pack whose readings are studied. `pack_id` is None for one that has no row yet."""

    device_pk: int
    slot: int
    pack_id: int | None = None
    serial: str = ""
    generation: int = 0
    model: str | None = None
    chemistry: Chemistry | None = None
    design_mah: int | None = None
    state: PackState | None = None

    @property
    def is_present(self) -> bool:
        """As far as is known from before this hour."""
        return self.state is None or self.state.removed_at is None

    @property
    def name(self) -> str:
        return self.serial or f"unnamed pack {self.generation + 1}"

    def completed_by(self, reported: dict[str, Any]) -> bool:
        """Take over what was not known of it; False where that is nothing."""
        before = (self.model, self.chemistry, self.design_mah)
        if (reported.get("serial") or "") == self.serial:
            self.model = self.model or reported.get("model")
            self.chemistry = self.chemistry or chemistry_of(reported.get("chemistry"))
            self.design_mah = self.design_mah or reported.get("design_mah") or None
        return before != (self.model, self.chemistry, self.design_mah)


@dataclass(frozen=True, slots=True)
class Happened:
    """An incident of one pack; `at` in seconds since 1970."""

    pack: int
    incident: Incident
    at: float
    before: Pack
    after: Pack


@dataclass(frozen=True, slots=True)
class Move:
    """A pack that left its slot, or came back (`removed_at` None); `other` is there, or was."""

    pack: Studied
    removed_at: datetime | None
    other: Studied


def chemistry_of(word: str | None) -> Chemistry | None:
    return Chemistry(word) if word in set(Chemistry) else None


def known_packs(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Studied]:
    return [
        Studied(pack.device_pk, pack.slot, pack.id, pack.serial, pack.generation, pack.model,
                chemistry_of(pack.chemistry), pack.design_mah or None, state)
        for pack, state in rows
    ]  # fmt: skip


def assign(readings: Readings, packs: list[Studied]) -> Places:
    """The pack of each reading, by its place in `packs`; -1 for a reading of none.

    A pack that tells no serial is the one that is in the slot by now; the first of them is added.
    """
    whose = np.full(len(readings.at), -1, dtype=np.intp)
    by_id = {float(pack.pack_id): n for n, pack in enumerate(packs) if pack.pack_id is not None}
    ids, place = np.unique(readings.pack_id, return_inverse=True)
    found = np.array([by_id.get(pack_id, -1) for pack_id in ids], dtype=np.intp)
    whose[:] = found[place]
    measured = np.isfinite(readings.soc) | np.isfinite(readings.ma) | np.isfinite(readings.mv)
    unnamed = np.flatnonzero((readings.pack_id == NOBODY) & measured)
    if not len(unnamed):
        return whose
    newest = {(p.device_pk, p.slot): n for n, p in enumerate(packs) if not p.serial}
    keys, place = np.unique(
        np.stack([readings.device_pk[unnamed], readings.slot[unnamed]]), axis=1, return_inverse=True
    )
    places = []
    for device_pk, slot in keys.T.astype(int).tolist():
        if (device_pk, slot) not in newest:
            newest[device_pk, slot] = len(packs)
            packs.append(Studied(device_pk, slot))
        places.append(newest[device_pk, slot])
    whose[unnamed] = np.array(places, dtype=np.intp)[place.ravel()]
    return whose


def unstudied(readings: Readings, packs: list[Studied], whose: Places) -> Places:
    """`whose`, without readings from before what is studied: the clock was put back since."""
    to = np.array([p.state.studied_to.timestamp() if p.state else -np.inf for p in packs] or [0.0])
    return np.where(readings.at < to[whose], -1, whose)


def follow(readings: Readings, packs: list[Studied], whose: Places) -> list[Happened]:
    """What happened. Where an unnamed pack was swapped, `packs` and `whose` go on with the next."""
    run = run_of([pack.state.run if pack.state else None for pack in packs])
    happened = []
    for event in _look(readings, packs, rows_of(whose, len(packs)), run):
        if event.incident == Incident.SWAPPED:
            old = packs[event.pack]
            later = (whose == event.pack) & (readings.at >= event.at)
            whose[later] = len(packs)
            packs.append(Studied(old.device_pk, old.slot, generation=old.generation + 1))
        else:
            happened.append(event)
    return happened


def moves_of(
    readings: Readings, packs: list[Studied], heard: list[int], whose: Places
) -> list[Move]:
    """In each slot the pack that was heard of last is the one that is there; others are not.

    `heard`: those of `packs` that have readings, in the order of `whose`.
    """
    moment: dict[int, tuple[float, float]] = {}
    for place, n in enumerate(heard):
        at = readings.at[whose == place]
        moment[n] = float(at[-1]), float(at[0])
    slots: dict[tuple[int, int], list[int]] = defaultdict(list)
    for n, pack in enumerate(packs):
        if n in moment or pack.state is not None:
            slots[pack.device_pk, pack.slot].append(n)
    moves = []
    for there in slots.values():
        present = max((n for n in there if n in moment), key=lambda n: moment[n], default=None)
        if present is None:
            continue
        began = datetime.fromtimestamp(moment[present][1], UTC)
        gone = [packs[n] for n in there if n != present and packs[n].is_present]
        moves += [Move(pack, began, packs[present]) for pack in gone]
        if not packs[present].is_present:
            moves.append(Move(packs[present], None, gone[0] if gone else packs[present]))
    return moves


def _look(readings: Readings, packs: list[Studied], rows: Rows, run: Run) -> list[Happened]:
    """At most one incident of each kind and pack: the last one."""
    before = (run.at, run.soc, run.counter, run.believed_mah)
    told = (readings.at, readings.soc, readings.counter, readings.believed_mah)
    at, soc, counter, believed = (
        filled(np.hstack([old[:, None], rows.spread(new)]))
        for old, new in zip(before, told, strict=True)
    )
    found: dict[tuple[int, Incident], Happened] = {}
    for n, column in np.argwhere(worth_a_look(at, soc, counter)).tolist():
        old, new = (
            _pack(packs[n], soc[n, c], counter[n, c], believed[n, c]) for c in (column - 1, column)
        )
        elapsed = timedelta(seconds=at[n, column] - at[n, column - 1])
        for incident in between(old, new, elapsed):
            found[n, incident] = Happened(n, incident, float(at[n, column]), old, new)
    return list(found.values())


def _pack(studied: Studied, soc: float, counter: float, believed_mah: float) -> Pack:
    return Pack(
        serial=studied.serial or None,
        soc_pct=_whole(100 * soc),
        cycle_count=_whole(counter),
        full_charge_mah=_whole(believed_mah),
        design_mah=studied.design_mah,
    )


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else round(value)
