"""Packs and devices studied: every hour of readings is read once, and folded into what is known.

An hour is studied when it has been over for as long again, so that what devices sent late by a
little is in it. Later readings are left out of swings and loads; a pack's own counter of cycles
makes up for them in its wear. Progress commits with what was learned, so that nothing is counted
twice, or never, whenever this is cut off.
"""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from fleet.domain.battery.usage import powered_share
from fleet.services.learn_packs import Lesson, learn_hour
from fleet.services.learn_use import Stay, Use, learn_use, stays
from fleet.services.pack_alerts import hold_suspicions, note_changes
from fleet.services.pack_slots import (
    Happened,
    Move,
    Studied,
    assign,
    follow,
    known_packs,
    moves_of,
    unstudied,
)
from fleet.store.battery import PackState, StudyProgress
from fleet.store.database import db, in_words, transaction
from fleet.store.device import BatteryPack
from fleet.store.locks import be_patient
from fleet.store.rollup import HOUR, hour_of
from fleet.store.site import Zone
from fleet.store.study import (
    BEGIN_ENDURANCE,
    BEGIN_STATE,
    WRITE_ENDURANCE,
    WRITE_STATE,
    devices_of,
    next_devices,
    packs_of,
    readings_of_hour,
    reported_packs,
    usable_of,
)

log = logging.getLogger(__name__)

AT_ONCE = 250
"""Devices in a transaction: on SQLite nobody else writes meanwhile."""
STEPS_A_RUN = 1_000
GRACE = HOUR


@dataclass(slots=True)
class Findings:
    """What an hour of some devices comes to; nothing of it is written yet."""

    packs: list[Studied] = field(default_factory=list)
    """Those that were heard of, in the order of `lesson` and `happened`."""
    lesson: Lesson = field(default_factory=Lesson)
    happened: list[Happened] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    completed: list[Studied] = field(default_factory=list)
    """Packs of which something was not known when they were first heard of."""
    uses: list[Use] = field(default_factory=list)
    zones: dict[int, Stay] = field(default_factory=dict)


def study_packs(now: datetime) -> int:
    """Study what is due; returns in how many steps. What is left waits for the next run."""
    for done in range(STEPS_A_RUN):
        try:
            if not _step(now):
                return done
        except OperationalError as error:
            log.warning("packs: study put off, others hold what it needs: %s", in_words(error))
            return done
    return STEPS_A_RUN


def _step(now: datetime) -> bool:
    """Some devices of the hour that is next, unless none is due.

    Read and reckoned without a lock; then written, if nobody else has done it meanwhile.
    """
    session = db.session()
    session.rollback()
    progress = session.scalars(select(StudyProgress)).one()
    hour, swept_to = progress.open_hour, progress.swept_to
    if hour > now + HOUR:  # closed by a clock that has been put back since
        return _move_on(hour, swept_to, hour_of(now), None)
    if now < hour + HOUR + GRACE:
        return False
    device_pks = next_devices(session, swept_to or 0, AT_ONCE)
    findings = _study(session, hour, device_pks) if device_pks else None
    session.rollback()
    is_last = len(device_pks) < AT_ONCE
    return _move_on(
        hour, swept_to, hour + HOUR if is_last else hour, None if is_last else device_pks[-1],
        findings, now,
    )  # fmt: skip


def _move_on(
    hour: datetime, swept_to: int | None, next_hour: datetime, next_swept: int | None,
    findings: Findings | None = None, now: datetime | None = None,
) -> bool:  # fmt: skip
    """Compare-and-set: False where another run was first, and has written the same."""
    with transaction() as session:
        be_patient(session)
        here = (StudyProgress.open_hour == hour) & StudyProgress.swept_to.is_not_distinct_from(
            swept_to
        )
        moved = session.execute(
            update(StudyProgress).where(here).values(open_hour=next_hour, swept_to=next_swept)
        )
        if moved.rowcount != 1:  # type: ignore[attr-defined]
            return False
        if findings is not None and now is not None:
            _write(session, findings, hour, now)
    return True


def _study(session: Session, hour: datetime, device_pks: list[int]) -> Findings:
    readings = readings_of_hour(session, device_pks, hour)
    if not len(readings.at):
        return Findings()
    packs = known_packs(packs_of(session, device_pks))
    whose = assign(readings, packs)
    whose = unstudied(readings, packs, whose)
    if not (whose >= 0).any():
        return Findings()
    completed = _complete(session, packs)
    happened = follow(readings, packs, whose)
    completed += _complete(session, packs)  # another pack may be there by now
    # From here on only those that were heard of.
    heard, place = np.unique(whose[whose >= 0], return_inverse=True)
    whose[whose >= 0] = place
    moves = moves_of(readings, packs, heard.tolist(), whose)
    places = {n: new for new, n in enumerate(heard.tolist())}
    packs = [packs[n] for n in heard]
    return Findings(
        packs,
        learn_hour(packs, readings, whose, hour),
        [replace(event, pack=places[event.pack]) for event in happened if event.pack in places],
        moves,
        completed,
        learn_use(devices_of(session, device_pks), readings.where(whose >= 0), hour),
        stays(readings.where(whose >= 0)),
    )


def _complete(session: Session, packs: list[Studied]) -> list[Studied]:
    """What a pack did not say when it was first heard of, it may say by now."""
    lacking = [p for p in packs if not (p.model and p.chemistry and p.design_mah)]
    if not lacking:
        return []
    reported = reported_packs(session, sorted({pack.device_pk for pack in lacking}))
    return [p for p in lacking if p.completed_by(reported.get((p.device_pk, p.slot), {}))]


def _write(session: Session, found: Findings, hour: datetime, now: datetime) -> None:
    _enter_packs(session, found, hour)
    fresh = [pack.pack_id for pack in found.packs if pack.state is None]
    nothing = b""
    BEGIN_STATE.run(session, [(pk, hour, hour, 0.0, nothing, nothing, nothing, nothing)
                              for pk in fresh])  # fmt: skip
    ids = [pack.pack_id for pack in found.packs]
    WRITE_STATE.run(session, [(pk, *row) for pk, row in zip(ids, found.lesson.states, strict=True)])
    for move in found.moves:
        state = update(PackState).where(PackState.pack_id == move.pack.pack_id)
        session.execute(state.values(removed_at=move.removed_at))
    _write_endurance(session, found)
    _write_zones(session, found.zones)
    note_changes(session, found.packs, found.happened, found.moves, now)
    hold_suspicions(session, found.packs, found.happened, found.lesson, now)


def _enter_packs(session: Session, found: Findings, hour: datetime) -> None:
    """Rows for packs that tell no serial, and facts that were missing."""
    for pack in found.packs:
        if pack.pack_id is None:
            row = BatteryPack(
                device_pk=pack.device_pk, slot=pack.slot, serial=pack.serial, model=pack.model,
                generation=pack.generation, chemistry=pack.chemistry, design_mah=pack.design_mah,
                first_seen_at=hour,
            )  # fmt: skip
            session.add(row)
            session.flush()
            pack.pack_id = row.id
    for pack in found.completed:
        known = update(BatteryPack).where(BatteryPack.id == pack.pack_id)
        facts = {"model": pack.model, "chemistry": pack.chemistry, "design_mah": pack.design_mah}
        session.execute(known.values(facts).execution_options(synchronize_session=False))


def _write_endurance(session: Session, found: Findings) -> None:
    usable = usable_of(session, sorted({pack.device_pk for pack in found.packs}))
    rows = [use.row(usable.get(use.device_pk)) for use in found.uses]
    fresh = [(use.device_pk, b"", 0) for use in found.uses if use.is_new]
    BEGIN_ENDURANCE.run(session, fresh)
    WRITE_ENDURANCE.run(session, rows)


def _write_zones(session: Session, zones: dict[int, Stay]) -> None:
    here = select(Zone).where(Zone.id.in_(zones)).order_by(Zone.id).with_for_update()
    for zone in session.scalars(here):
        stay = zones[zone.id]
        zone.powered_share = powered_share(zone.powered_share, stay.hours, stay.powered_hours)
