"""Fault 21: a device loses its power in each step of an update: the old or the new version runs."""

import os
import signal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.device.disk import RealDisk
from fleet.device.slots import Release, Slots
from fleet.device.trusted import Trusted
from tests.support.fragile_disk import SURVIVALS, FragileDisk, PowerCut, Survival
from tests.support.signing import Ceremony
from tests.unit.device.firmware_bench import FOLDER, NEW, OLD, FirmwareBench, made, release_of

VERSIONS = ("4.1.0", "4.2.0")


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    return Ceremony(tmp_path_factory.mktemp("keys"))


def update(ceremony: Ceremony, folder: Path, disk: FragileDisk) -> FirmwareBench:
    """From start to end, offered as the broker offers what it retains."""
    bench = FirmwareBench(folder / "journal", ceremony, disk)
    bench.connect()
    bench.give(bench.offer(ceremony.manifest(NEW)))
    bench.live()
    return bench


def cut_at(
    ceremony: Ceremony, folder: Path, disk: FragileDisk, step: int, survival: Survival
) -> FragileDisk | None:
    """What is on the disk after a cut before that step; None where there is no such step."""
    disk.cut_at = step
    journal = folder / f"{step}"
    bench: FirmwareBench | None = None
    try:
        bench = update(ceremony, journal, disk)
    except PowerCut:
        return disk.after_power_cut(survival)
    finally:
        if bench is not None:
            bench.agent.close()
    return None


def a_whole_image_boots(disk: FragileDisk) -> str:
    """As the boot loader does it, on a copy: it counts its tries."""
    slots = Slots(disk.after_power_cut("kept"), FOLDER)
    running = slots.boot()
    assert running is not None
    slot = slots._running
    assert slot is not None
    assert slots.is_whole(slot)
    assert running.version in VERSIONS
    return running.version


@pytest.mark.parametrize("survival", SURVIVALS)
def test_21_after_each_step_one_whole_slot_boots_and_the_update_ends_well(
    ceremony: Ceremony, tmp_path: Path, survival: Survival
) -> None:
    seen = set()
    for step in count(1):
        left = cut_at(ceremony, tmp_path, start(ceremony), step, survival)
        if left is None:
            break
        seen.add(a_whole_image_boots(left))
        after = update(ceremony, tmp_path / f"{step}-after", left)
        assert (after.running, after.states()[-1]) == ("4.2.0", "succeeded"), step
        assert not after.firmware.slots.on_trial
        after.agent.close()
    assert step > 30
    assert seen == set(VERSIONS)


@given(cuts=st.lists(st.tuples(st.integers(1, 45), st.sampled_from(SURVIVALS)), max_size=4))
@settings(max_examples=40)
def test_21_any_number_of_cuts_leaves_something_that_boots(
    ceremony: Ceremony, tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, Survival]]
) -> None:
    """A new image may have used up its starts by then; it is given up, and the old one runs."""
    folder, disk = tmp_path_factory.mktemp("cuts"), start(ceremony)
    for number, (step, survival) in enumerate(cuts):
        left = cut_at(ceremony, folder / str(number), disk, step, survival)
        if left is None:
            return
        a_whole_image_boots(left)
        disk = left
    after = update(ceremony, folder / "after", disk)
    version, state = after.running, after.states()[-1]
    after.agent.close()
    assert (version, state) in {("4.2.0", "succeeded"), ("4.1.0", "failed")}


def test_21_killed_at_each_step_on_a_real_disk(ceremony: Ceremony, tmp_path: Path) -> None:
    """The process itself, with SIGKILL: what the kernel holds stays, what it was about does not."""
    release = release_of(ceremony.manifest(NEW))
    for step in count(1):
        folder = tmp_path / str(step)
        factory(folder, ceremony)
        was_killed = _killed_in(folder, release, step)
        slots = Slots(RealDisk(), folder)
        running = slots.boot()
        assert running is not None
        assert running.version in VERSIONS
        if not was_killed:
            break
    assert step > 8
    assert running.version == "4.2.0"


def test_a_new_image_that_does_not_come_up_is_given_up(ceremony: Ceremony, tmp_path: Path) -> None:
    def boot(slots: Slots) -> None:
        """The machine starts, hangs in the new image, and the watchdog starts it anew."""
        while (running := slots.boot()) is not None and running.version == "4.2.0":
            pass

    bench = FirmwareBench(tmp_path / "journal", ceremony, boot=boot)
    bench.connect()
    bench.give(bench.offer(ceremony.manifest(NEW)))
    bench.live()
    assert (bench.last()["state"], bench.last()["reason"]) == ("failed", "did_not_come_up")
    assert bench.running == bench.hardware.firmware == "4.1.0"
    bench.agent.close()


def test_an_image_that_never_reaches_the_service_is_given_up(
    ceremony: Ceremony, tmp_path: Path
) -> None:
    bench = FirmwareBench(tmp_path / "journal", ceremony)
    bench.connect()
    bench.give(bench.offer(ceremony.manifest(NEW)))
    bench.wait(5)
    bench.tick()
    assert bench.running == "4.2.0"
    bench.wait(3 * 600 + 300)
    assert bench.running == "4.1.0"
    bench.live()
    assert (bench.last()["state"], bench.last()["reason"]) == ("failed", "did_not_come_up")
    bench.agent.close()


def start(ceremony: Ceremony) -> FragileDisk:
    """As made, with the trust document in place: the enrolment is not what is tested."""
    disk = made(ceremony)
    Trusted(disk, FOLDER).anchor(ceremony.envelope)
    return disk.after_power_cut("lost")


def factory(folder: Path, ceremony: Ceremony) -> None:
    disk = RealDisk()
    slots = Slots(disk, folder)
    image = folder / "download" / "factory"
    disk.write(image, 0, OLD)
    slots.install(image, release_of(ceremony.manifest(OLD, version="4.1.0", release_counter=6)))
    slots.boot()
    slots.confirm()
    disk.write(folder / "download" / "new", 0, NEW)


def _killed_in(folder: Path, release: Release, step: int) -> bool:
    child = os.fork()
    if child == 0:
        slots = Slots(_Killed(step), folder)
        slots.boot()
        slots.install(folder / "download" / "new", release)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


class _Killed(RealDisk):
    """Kills its own process before the step of that number."""

    def __init__(self, step: int) -> None:
        self._left = step

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, path: Path, offset: int, data: bytes) -> None:
        self._step()
        super().write(path, offset, data)

    def sync(self, path: Path) -> None:
        self._step()
        super().sync(path)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)
