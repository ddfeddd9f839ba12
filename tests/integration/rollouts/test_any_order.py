"""The service itself under what comes in any order: reports, crashes, clocks, people.

The same as `tests/unit/domain/test_rollout_any_order.py`, on a real database and with every use
case as it is; fewer examples, since each step is a transaction.
"""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import event, func, select

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.rollout.words import AT_WORK, ENDS, LIVE
from fleet.services.allow_downgrade import allow_downgrade
from fleet.services.errors import Conflict
from fleet.services.follow_clock import follow_clock
from fleet.services.rollouts import steer
from fleet.services.rollouts.blackout import begin_blackout, end_blackout
from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.services.rollouts.roll_back import roll_back
from fleet.store.database import db
from fleet.store.migrate import upgrade
from fleet.store.models import Device, Rollout, RolloutDevice, RolloutRing
from tests.support.firmware_rollouts import FORMER, NEW, FirmwareCarts
from tests.support.rollouts import Carts

PLACES = st.integers(0, 11)


class Died(BaseException):
    """As a process that is no more."""


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        url = f"sqlite:///{Path(self.folder.name)}/any.sqlite"
        upgrade(url)
        given = {"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": self.folder.name}
        app = create_worker(Settings.from_env(given))
        self.context = app.app_context()
        self.context.push()
        self.carts = self.made(app)
        self.carts.forget_words()
        self.first = self.carts.begin(min_executed=2)
        self.is_dark = False
        self.ends: dict[int, str] = {}

    def made(self, _app: Flask) -> Carts:
        return Carts(wards=2, each=6)

    def teardown(self) -> None:
        db.session.remove()
        db.engine.dispose()
        self.context.pop()
        self.folder.cleanup()

    # --- What happens -------------------------------------------------------------------------

    @rule(dies_at=st.one_of(st.none(), st.integers(1, 25)))
    def turn(self, dies_at: int | None) -> None:
        before = self._offered()
        running = {
            pk for (pk,) in db.session.execute(select(Rollout.id).where(Rollout.state == "running"))
        }
        db.session.rollback()
        _until(dies_at, lambda: plan_rollouts(self.carts.now))
        new = self._offered() - before
        assert not (new and self.is_dark)
        assert {rollout_id for rollout_id, _ in new} <= running

    @rule(turns=st.integers(1, 8))
    def goes_well(self, turns: int) -> None:
        for _ in range(turns):
            self.turn(None)
            self.everybody_does_it()
            self.carts.forget_words()
            self.carts.now += timedelta(minutes=3)

    @rule(place=PLACES)
    def one_fails(self, place: int) -> None:
        self.it_fails(self.carts.names[place])

    def everybody_does_it(self) -> None:
        self.carts.answer_all()

    def it_fails(self, name: str) -> None:
        self.carts.answer(name, screen_timeout_s=5)

    @rule(place=PLACES, availability=st.sampled_from(["available", "in_use"]), online=st.booleans())
    def one_changes(self, place: int, availability: str, online: bool) -> None:
        self.carts.rest([self.carts.names[place]], availability=availability, online=online)

    @rule(minutes=st.sampled_from([5, 31, 1500]))
    def time_passes(self, minutes: int) -> None:
        self.carts.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([-300, 300]))
    def the_clock_is_put(self, minutes: int) -> None:
        """And the deadlines with it, as the scheduler does before its next turn."""
        step = timedelta(minutes=minutes)
        self.carts.now += step
        follow_clock(step, self.carts.now)

    @rule(verb=st.sampled_from(["pause", "resume", "halt", "cancel", "back", "dark", "light"]))
    def somebody_acts(self, verb: str) -> None:
        deeds: dict[str, Callable[..., Any]] = {
            "pause": steer.pause_rollout, "resume": steer.resume_rollout,
            "halt": steer.halt_rollout, "cancel": steer.cancel_rollout, "back": roll_back,
        }  # fmt: skip
        newest = db.session.scalar(select(func.max(Rollout.id)))
        db.session.rollback()
        try:
            if verb == "dark":
                begin_blackout("an emergency", "user:eve", self.carts.now)
                self.is_dark = True
            elif verb == "light":
                end_blackout("user:eve", self.carts.now)
                self.is_dark = False
            else:
                deeds[verb](newest, "user:eve", self.carts.now)
        except Conflict:
            pass

    # --- What must hold -----------------------------------------------------------------------

    @invariant()
    def no_device_has_two_jobs(self) -> None:
        db.session.rollback()
        twice = (
            select(RolloutDevice.device_pk)
            .where(RolloutDevice.state.in_(sorted(AT_WORK)))
            .group_by(RolloutDevice.device_pk)
            .having(func.count() > 1)
        )
        assert db.session.scalars(twice).all() == []

    @invariant()
    def nobody_was_offered_anything_outside_an_open_ring(self) -> None:
        shut = (
            select(RolloutDevice.id)
            .join(
                RolloutRing,
                (RolloutRing.rollout_id == RolloutDevice.rollout_id)
                & (RolloutRing.number == RolloutDevice.ring),
            )
            .where(RolloutRing.opened_at.is_(None), RolloutDevice.offered_at.is_not(None))
        )
        assert db.session.scalars(shut).all() == []

    @invariant()
    def an_end_is_for_ever_and_comes_with_that_of_the_rollout(self) -> None:
        query = select(RolloutDevice.id, RolloutDevice.state, Rollout.state).join(
            Rollout, Rollout.id == RolloutDevice.rollout_id
        )
        now = {}
        for pk, state, rollout in db.session.execute(query):
            assert rollout in LIVE or state != "queued"
            if state in ENDS:
                now[pk] = state
        assert self.ends.items() <= now.items()
        self.ends = now

    @invariant()
    def a_ward_never_gives_more_than_its_share(self) -> None:
        query = (
            select(func.count(RolloutDevice.id))
            .join(Device, Device.id == RolloutDevice.device_pk)
            .where(RolloutDevice.state.in_(sorted(AT_WORK)), ~_was_silent())
            .group_by(Device.ward_id)
        )
        assert max(db.session.scalars(query), default=0) <= 1

    def _offered(self) -> set[tuple[int, int]]:
        db.session.rollback()
        query = select(RolloutDevice.rollout_id, RolloutDevice.device_pk).where(
            RolloutDevice.offered_at.is_not(None)
        )
        found = {(rollout_id, pk) for rollout_id, pk in db.session.execute(query)}
        db.session.rollback()
        return found


def _was_silent() -> Any:
    """On the way back, those that nobody hears of are told beside the ward's share."""
    return RolloutDevice.rollout_id.in_(select(Rollout.id).where(Rollout.reverts_id.is_not(None)))


def _until(statement: int | None, work: Callable[[], object]) -> None:
    """The work, of which nothing more happens from its statement of that number on."""
    seen = 0

    def before(*_args: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Died

    event.listen(db.engine, "before_cursor_execute", before)
    try:
        work()
    except Died:
        pass
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
        db.session.rollback()


class FirmwareInAnyOrder(AnyOrder):
    """With the root keys' leave to go back, and devices that say how far they are."""

    carts: FirmwareCarts

    def made(self, app: Flask) -> FirmwareCarts:
        carts = FirmwareCarts(app, Path(self.folder.name) / "workshop", wards=2, each=6)
        ceremony = carts.workshop.ceremony
        former = ceremony.manifest(b"old", version=FORMER, release_counter=6)
        allow_downgrade(ceremony.downgrade(former, 7), "user:ada", carts.now)
        return carts

    def everybody_does_it(self) -> None:
        for name, offer in self.carts.offers().items():
            if offer is not None:
                self.carts.install(name, FORMER if offer.get("downgrade") else NEW)

    def it_fails(self, name: str) -> None:
        self._say(name, "failed")

    @rule(place=PLACES, state=st.sampled_from(["downloading", "waiting", "rebooting", "cancelled"]))
    def one_is_so_far(self, place: int, state: str) -> None:
        self._say(self.carts.names[place], state)

    def _say(self, name: str, state: str) -> None:
        offer = self.carts.offer(name)
        if offer is not None:
            self.carts.report(name, offer["job_id"], state)


_SETTINGS = settings(
    max_examples=6,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = _SETTINGS
TestFirmwareInAnyOrder = FirmwareInAnyOrder.TestCase
TestFirmwareInAnyOrder.settings = _SETTINGS
