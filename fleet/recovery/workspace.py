"""Folders for what is under way: whole copies of the database, that nobody else may read."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PREFIX = ".recovery-"
_LOCK = ".recovery.lock"


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """A folder in `parent`, gone afterwards. What a killed process left is removed as well.

    In the folder whose file system the result is for: it is then moved there, not copied.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(parent):
        for left in parent.glob(f"{_PREFIX}*"):
            _remove_if_abandoned(left)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        mine = ExitStack()
        mine.enter_context(_locked(folder))
    with mine:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, flags: int = 0) -> Iterator[None]:
    """The lock goes with its process, however that ends."""
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | flags)
        yield


def sync_folder(folder: Path) -> None:
    """Have the names in it on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
