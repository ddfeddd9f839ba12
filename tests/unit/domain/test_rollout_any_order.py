"""A rollout whatever comes when: reports, crashes of the scheduler, clocks that jump, people.

The rules of the domain over a store in memory, of which a turn that crashes leaves nothing.
`tests/integration/rollouts/test_any_order.py` plays the same on the service and its database.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet.domain.rollout.care import Candidate, Stock, Ward, admit, most_at_once
from fleet.domain.rollout.gates import Finish, Halt, Miss, Open, Pass, Ring, Stop, next_move
from fleet.domain.rollout.job import Sight, end_of
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.rings import Member, rings
from fleet.domain.rollout.words import AT_WORK, ENDS, FAILURES, LIVE, JobState, RolloutState
from fleet.domain.words import DeviceKind

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLAN = Plan(canaries=2, shares=(30, 100), soak_min=10, deadline_min=30, min_executed=3)
WARDS, EACH = 3, 6
DEVICES = WARDS * EACH


@dataclass
class Store:
    """What the service remembers of one rollout."""

    state: RolloutState = RolloutState.RUNNING
    jobs: dict[int, JobState] = field(default_factory=dict)
    deadlines: dict[int, datetime] = field(default_factory=dict)
    ring_of: dict[int, int] = field(default_factory=dict)
    opened: dict[int, datetime] = field(default_factory=dict)
    passed: dict[int, datetime] = field(default_factory=dict)
    forgiven: dict[int, int] = field(default_factory=dict)

    def rings(self) -> list[Ring]:
        return [self._ring(number) for number in sorted(set(self.ring_of.values()))]

    def _ring(self, number: int) -> Ring:
        jobs = [self.jobs[pk] for pk, ring in self.ring_of.items() if ring == number]
        return Ring(
            number,
            queued=jobs.count(JobState.QUEUED),
            at_work=sum(job in AT_WORK for job in jobs),
            succeeded=jobs.count(JobState.SUCCEEDED),
            failed=sum(job in FAILURES for job in jobs),
            forgiven=self.forgiven.get(number, 0),
            opened_at=self.opened.get(number),
            passed_at=self.passed.get(number),
        )


class AnyOrder(RuleBasedStateMachine):
    """What devices have been told is the world's, and no crash takes it back."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.store = Store()
        self.blackout = False
        self.told: dict[int, int] = dict.fromkeys(range(DEVICES), 0)
        self.has_new: set[int] = set()
        self.problem: set[int] = set()
        self.resting: set[int] = set(range(DEVICES))
        self.ends: dict[int, JobState] = {}

    @initialize()
    def approve(self) -> None:
        members = [Member(pk, pk // EACH, heard=True) for pk in range(DEVICES)]
        for number, ring in enumerate(rings(members, PLAN, "seed")):
            self.store.ring_of |= dict.fromkeys(ring, number)
        self.store.jobs = dict.fromkeys(range(DEVICES), JobState.QUEUED)
        self.store.opened[0] = self.now

    # --- What happens -------------------------------------------------------------------------

    @rule(crashes=st.booleans())
    def turn(self, crashes: bool) -> None:
        store = deepcopy(self.store)
        before, gates = store.state, {ring.number: ring for ring in store.rings()}
        offered = self._turn(store)
        if crashes:
            return
        self._hold_the_turn(before, gates, store, offered)
        self.store = store
        for pk in offered:
            self.told[pk] += 1

    @rule(turns=st.integers(3, 30))
    def goes_well(self, turns: int) -> None:
        """For a while, so that rings are passed at all."""
        for _ in range(turns):
            self.turn(crashes=False)
            self.has_new |= {pk for pk, times in self.told.items() if times} - self.problem
            self.now += timedelta(minutes=1)

    @rule(pk=st.integers(0, DEVICES - 1))
    def applies(self, pk: int) -> None:
        if self.told[pk]:
            self.has_new.add(pk)

    @rule(pk=st.integers(0, DEVICES - 1))
    def cannot(self, pk: int) -> None:
        if self.told[pk] and pk not in self.has_new:
            self.problem.add(pk)

    @rule(pk=st.integers(0, DEVICES - 1))
    def is_taken_or_put_back(self, pk: int) -> None:
        self.resting ^= {pk}

    @rule(minutes=st.sampled_from([1, 5, 11, 31, 24 * 60, 15 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([-600, -5, 10, 600]))
    def the_clock_jumps(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(verb=st.sampled_from(["pause", "resume", "halt", "blackout", "light"]))
    def somebody_acts(self, verb: str) -> None:
        store = self.store
        if verb in ("blackout", "light"):
            self.blackout = verb == "blackout"
        elif verb == "pause" and store.state == RolloutState.RUNNING:
            store.state = RolloutState.PAUSED
        elif verb == "halt" and store.state in (RolloutState.RUNNING, RolloutState.PAUSED):
            store.state = RolloutState.HALTED
        elif verb == "resume" and store.state in (RolloutState.PAUSED, RolloutState.HALTED):
            store.forgiven = {ring.number: ring.failed for ring in store.rings()}
            store.state = RolloutState.RUNNING

    # --- One turn of the scheduler, by the rules ------------------------------------------------

    def _turn(self, store: Store) -> list[int]:
        self._settle(store)
        if store.state != RolloutState.RUNNING:
            return []
        match next_move(store.rings(), PLAN, NOON, self.now):
            case Halt():
                store.state = RolloutState.HALTED
            case Pass(ring):
                store.passed[ring] = self.now
            case Open(ring):
                store.opened[ring] = self.now
            case Finish():
                store.state = RolloutState.COMPLETED
            case Stop():
                self._leave_queue(store, JobState.CANCELLED)
                store.state = RolloutState.CANCELLED
            case Miss():
                self._leave_queue(store, JobState.MISSED)
            case None if not self.blackout:
                return self._offer(store)
        return []

    def _settle(self, store: Store) -> None:
        for pk, job in store.jobs.items():
            sight = Sight(pk in self.has_new, "no space" if pk in self.problem else None)
            if end := end_of(job, store.deadlines.get(pk, NOON), sight, self.now):
                store.jobs[pk] = end.state

    def _leave_queue(self, store: Store, end: JobState) -> None:
        store.jobs |= {pk: end for pk, job in store.jobs.items() if job == JobState.QUEUED}

    def _offer(self, store: Store) -> list[int]:
        queue = [
            self._candidate(pk)
            for pk, job in store.jobs.items()
            if job == JobState.QUEUED and store.ring_of[pk] in store.opened
        ]
        stocks = {
            (ward, DeviceKind.MEDICATION_CART.value): self._stock(store, ward)
            for ward in range(WARDS)
        }
        wards = {ward: Ward(min_available=2, is_open=True) for ward in range(WARDS)}
        admitted = admit(queue, stocks, wards, PLAN, most=100).admitted
        for pk in admitted:
            store.jobs[pk] = JobState.OFFERED
            store.deadlines[pk] = self.now + PLAN.deadline
        return admitted

    def _candidate(self, pk: int) -> Candidate:
        rests = pk in self.resting
        word = "available" if rests else "in_use"
        return Candidate(
            pk, pk // EACH, DeviceKind.MEDICATION_CART.value, True, word, rests, 80, 900
        )

    def _stock(self, store: Store, ward: int) -> Stock:
        here = [pk for pk in range(DEVICES) if pk // EACH == ward]
        at_work = {pk for pk in here if store.jobs[pk] in AT_WORK}
        return Stock(len(here), len(self.resting & set(here) - at_work), len(at_work))

    # --- What must hold -------------------------------------------------------------------------

    def _hold_the_turn(
        self, before: RolloutState, gates: dict[int, Ring], after: Store, offered: list[int]
    ) -> None:
        assert not offered or (before == RolloutState.RUNNING and not self.blackout)
        assert set(offered) <= self.resting
        canaries = after.rings()[0]
        assert not offered or canaries.failed <= canaries.forgiven
        for number in set(after.opened) - {n for n, ring in gates.items() if ring.is_open}:
            former = after.rings()[number - 1]
            assert former.passed_at is not None
            assert self.now >= former.passed_at + PLAN.soak
            assert former.failed - former.forgiven == 0 or number > 1
        for ward in range(WARDS):
            at_work = sum(after.jobs[p] in AT_WORK for p in range(DEVICES) if p // EACH == ward)
            assert at_work <= most_at_once(EACH, PLAN)

    @invariant()
    def no_device_is_told_twice(self) -> None:
        assert max(self.told.values()) <= 1

    @invariant()
    def nobody_is_told_outside_an_open_ring(self) -> None:
        for pk, times in self.told.items():
            assert not times or self.store.ring_of[pk] in self.store.opened

    @invariant()
    def an_end_is_for_ever(self) -> None:
        now = {pk: job for pk, job in self.store.jobs.items() if job in ENDS}
        assert self.ends.items() <= now.items()
        self.ends = now

    @precondition(lambda self: self.store.state not in LIVE)
    @invariant()
    def no_device_of_an_ended_rollout_is_in_the_queue(self) -> None:
        assert JobState.QUEUED not in self.store.jobs.values()

    def teardown(self) -> None:
        """Left alone and with time enough, everything ends: nothing hangs for ever."""
        if self.store.jobs:
            self.blackout = False
            self.somebody_acts("resume")
            for _ in range(20 * DEVICES):
                self.now = max(self.now, NOON) + timedelta(hours=12)
                if self.store.state == RolloutState.HALTED:
                    self.somebody_acts("resume")
                self.turn(crashes=False)
            assert self.store.state not in LIVE
            assert set(self.store.jobs.values()) <= ENDS


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_the_model_can_reach_every_end_of_a_rollout() -> None:
    """Else the machine above would hold nothing: played through by hand."""
    machine = AnyOrder()
    machine.approve()
    for _ in range(400):
        machine.turn(crashes=False)
        for pk, times in machine.told.items():
            if times:
                machine.applies(pk)
        machine.time_passes(5)
    assert machine.store.state == RolloutState.COMPLETED
    assert set(machine.store.jobs.values()) == {JobState.SUCCEEDED}
    assert replace(machine.store.rings()[0]).passed_at
