"""One file on its way to the disk: continued where it stopped, hashed as it comes."""

import hashlib
import logging
from concurrent.futures import Future
from pathlib import Path

from fleet.device.disk import Disk
from fleet.device.fetch import Fetcher, FetchFailed, Part, Source
from fleet.device.slots import chunks
from fleet.trust.documents import Artifact
from fleet.trust.refusal import Reason, Refused

log = logging.getLogger(__name__)

SYNC_EVERY = 4 * 1024 * 1024
LOOK_AGAIN_S = 0.05
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0


class Download:
    """The file `path`, which is deleted where it turns out to be another one.

    `step` raises Refused where what comes cannot be the file that was signed, and OSError where the
    disk will not.
    """

    def __init__(
        self, disk: Disk, path: Path, artifact: Artifact, source: Source, fetcher: Fetcher
    ) -> None:
        self._disk, self._path, self._artifact = disk, path, artifact
        self._source, self._fetcher = source, fetcher
        self._digest, self._have = hashlib.sha256(), 0
        self._synced = 0
        self._pause_s = FIRST_PAUSE_S
        self._coming: Future[Part] | None = None
        self.problem: str | None = None
        """Why nothing came the last time."""
        self._recall()

    @property
    def percent(self) -> int:
        return 100 * self._have // self._artifact.length

    @property
    def is_whole(self) -> bool:
        return self._have == self._artifact.length

    def step(self) -> float:
        """Take what has come, and ask for more. Returns in how many seconds to look again."""
        if self._coming is None and not self.is_whole:
            self._coming = self._fetcher.part(self._source, self._have)
        if self._coming is not None and not self._coming.done():
            return LOOK_AGAIN_S
        if self._coming is not None:
            coming, self._coming = self._coming, None
            try:
                self._take(coming.result())
            except FetchFailed as error:
                return self._wait(error)
        if self.is_whole:
            self._check()
        return 0.0

    def discard(self) -> None:
        self._disk.remove(self._path)
        self._disk.sync_folder(self._path.parent)
        self._digest, self._have, self._synced = hashlib.sha256(), 0, 0

    def _recall(self) -> None:
        """What an earlier start left: too long, it cannot be the beginning of ours."""
        size = self._disk.size(self._path)
        if size is None:
            return
        if size > self._artifact.length:
            self.discard()
            return
        for chunk in chunks(self._disk, self._path):
            self._digest.update(chunk)
            self._have += len(chunk)

    def _take(self, part: Part) -> None:
        if part.total != self._artifact.length:
            self.discard()
            raise Refused(
                Reason.WRONG_LENGTH,
                f"the file has {part.total} bytes, its manifest says {self._artifact.length}",
            )
        self._disk.write(self._path, self._have, part.data)
        self._digest.update(part.data)
        self._have += len(part.data)
        self._pause_s, self.problem = FIRST_PAUSE_S, None
        if self.is_whole or self._have - self._synced >= SYNC_EVERY:
            self._disk.sync(self._path)
            self._disk.sync_folder(self._path.parent)
            self._synced = self._have

    def _check(self) -> None:
        found = self._digest.hexdigest()
        if found != self._artifact.sha256:
            self.discard()
            raise Refused(
                Reason.WRONG_SHA256,
                f"the file has the SHA-256 {found}, its manifest says {self._artifact.sha256}",
            )

    def _wait(self, error: FetchFailed) -> float:
        log.info("%s: %s", self._source.url, error)
        self.problem = str(error)
        pause, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
        return pause
