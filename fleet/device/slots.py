"""Two slots for firmware, of which one is known to work whenever the power goes.

In the folder: `a/` and `b/`, each an `image` and the `release` that it is of, and `boot`, which
says which of them to start. The slot that runs is never written to; which one runs is changed by
replacing `boot` in one rename. A new image is on trial until it is confirmed: it is started
`TRIES` times at most, then the former one is again.
"""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from fleet.device.disk import Disk, put
from fleet.wire.messages import encode

log = logging.getLogger(__name__)

Name = Literal["a", "b"]
OTHER: dict[Name | None, Name] = {"a": "b", "b": "a", None: "a"}
TRIES = 3
"""Starts of a new image, so that one power cut on the way is no verdict on it."""
_CHUNK = 1024 * 1024
S = TypeVar("S", bound=Struct)


class Release(Struct):
    """What an image is of. `manifest_sha256`: of the manifest's payload."""

    manifest_sha256: str
    version: str
    release_counter: int
    sha256: str
    length: int


class Boot(Struct, omit_defaults=True):
    """`confirmed` None: what the machine was made with, outside of both slots.

    `given_up`: the manifest of the image that did not come up in `TRIES` starts.
    """

    confirmed: Name | None = None
    trial: Name | None = None
    tries_left: int = 0
    given_up: str | None = None


class Slots:
    """`boot` is what a boot loader does at each start; the rest is the agent's."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk, self._folder = disk, folder
        self._running: Name | None = None

    @property
    def running(self) -> Release | None:
        """Of the slot that `boot` chose; None: what the machine was made with."""
        return self._release(self._running) if self._running else None

    @property
    def on_trial(self) -> bool:
        return self._running is not None and self._state().trial == self._running

    @property
    def given_up(self) -> str | None:
        return self._state().given_up

    def boot(self) -> Release | None:
        """Choose the slot to start. One more start of an image on trial is counted before it."""
        state = self._state()
        if state.trial is not None:
            self._running = self._try(state, state.trial)
        else:
            self._running = self._sound(state)
        return self.running

    def install(self, image: Path, release: Release) -> None:
        """Move a whole image into the slot that does not run, and put it on trial.

        It is done again from its beginning after a power cut; an image that is in its place already
        is found there.
        """
        state = self._state()
        slot = OTHER[state.confirmed]
        if slot == self._running:
            raise OSError(f"slot {slot} runs, and is not written to")
        place = self._folder / slot
        if state.trial is not None:
            self._save(Boot(state.confirmed))
        self._disk.remove(place / "release")
        self._disk.sync_folder(place)
        if self._disk.size(image) is not None:
            self._disk.sync(image)
            self._disk.rename(image, place / "image")
            self._disk.sync_folder(place)
            self._disk.sync_folder(image.parent)
        put(self._disk, place / "release", encode(release))
        if not self.is_whole(slot):
            raise OSError(f"the image in slot {slot} is not what was written")
        self._save(Boot(state.confirmed, slot, TRIES))

    def has(self, release: Release) -> bool:
        """Whether the slot that does not run holds this very image already."""
        slot = OTHER[self._state().confirmed]
        return self._holds(slot, release)

    def confirm(self) -> None:
        """The image on trial works: from now on it is the one to fall back to."""
        if self.on_trial:
            self._save(Boot(self._running))

    def forget_failure(self) -> None:
        """An image that did not come up may be tried again."""
        state = self._state()
        if state.given_up is not None:
            self._save(Boot(state.confirmed, state.trial, state.tries_left))

    def is_whole(self, slot: Name) -> bool:
        release = self._release(slot)
        return release is not None and self._holds(slot, release)

    def _try(self, state: Boot, trial: Name) -> Name | None:
        if state.tries_left > 0 and self.is_whole(trial):
            self._save(Boot(state.confirmed, trial, state.tries_left - 1, state.given_up))
            return trial
        release = self._release(trial)
        log.warning("slot %s did not come up; back to %s", trial, state.confirmed)
        kept = Boot(state.confirmed, given_up=release.manifest_sha256 if release else None)
        self._save(kept)
        return self._sound(kept)

    def _sound(self, state: Boot) -> Name | None:
        """The confirmed slot; the other one where its image has rotted."""
        if state.confirmed is None or self.is_whole(state.confirmed):
            return state.confirmed
        other = OTHER[state.confirmed]
        log.error("slot %s is damaged", state.confirmed)
        return other if self.is_whole(other) else state.confirmed

    def _holds(self, slot: Name, release: Release) -> bool:
        image = self._folder / slot / "image"
        if self._disk.size(image) != release.length:
            return False
        digest = hashlib.sha256()
        for chunk in chunks(self._disk, image):
            digest.update(chunk)
        return digest.hexdigest() == release.sha256

    def _release(self, slot: Name) -> Release | None:
        return load(self._disk, self._folder / slot / "release", Release)

    def _state(self) -> Boot:
        """Where `boot` itself is lost: the whole slot with the higher counter."""
        state = load(self._disk, self._folder / "boot", Boot)
        if state is not None:
            return state
        names: tuple[Name, Name] = ("a", "b")
        whole = [(self._counter(slot), slot) for slot in names if self.is_whole(slot)]
        return Boot(max(whole)[1] if whole else None)

    def _counter(self, slot: Name) -> int:
        release = self._release(slot)
        return release.release_counter if release else 0

    def _save(self, state: Boot) -> None:
        put(self._disk, self._folder / "boot", encode(state))


def load(disk: Disk, path: Path, kind: type[S]) -> S | None:
    """None where it is not there, or cannot be read."""
    content = disk.read(path)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None


def chunks(disk: Disk, path: Path) -> Iterator[bytes]:
    offset = 0
    while chunk := disk.part(path, offset, _CHUNK):
        yield chunk
        offset += len(chunk)
