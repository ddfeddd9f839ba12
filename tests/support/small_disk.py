"""A disk of its own, small enough to be filled to the last byte."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

CHUNK = b"\0" * 65_536


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    @contextmanager
    def full(self) -> Iterator[None]:
        """Meanwhile not a byte more can be written: what others give back is taken at once."""
        freed = Event()
        self._fill()
        thread = Thread(target=self._fill_until, args=(freed,))
        thread.start()
        try:
            yield
        finally:
            freed.set()
            thread.join()
            self._filler.unlink()

    def _fill_until(self, freed: Event) -> None:
        while not freed.wait(0.01):
            self._fill()

    def _fill(self) -> None:
        with self._filler.open("ab", buffering=0) as filler:
            for piece in (CHUNK, CHUNK[:512], CHUNK[:1]):
                while _is_written(filler.fileno(), piece):
                    pass


def _is_written(descriptor: int, piece: bytes) -> bool:
    try:
        return os.write(descriptor, piece) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


@contextmanager
def mounted(size_mb: int) -> Iterator[SmallDisk]:
    """A file system in memory, open to every user: PostgreSQL's too. Skips the test where this
    user may not mount one."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk to fill")
    folder = Path(tempfile.mkdtemp(prefix="wardfleet-disk-"))
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=755", "wardfleet-test", folder],
        check=True,
    )
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()
