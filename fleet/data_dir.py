"""The data directory: who works on it, and which of its files are worth keeping."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleet.config import SettingError

_OF_THE_DEVICE_SIDE = ("simulated", "agent")
"""Folders of devices, whose counters must never go back."""
_OF_THE_MOMENT = (".db", ".log")
"""What the broker holds, and what was logged."""


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Whoever works on it alone. The lock goes with the process, however that ends."""
    with (data_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingError(
                f"FLEET_DATA_DIR={data_dir}: fleet is running on it already"
            ) from error
        yield


def files_to_keep(data_dir: Path, *but_not: Path) -> list[Path]:
    """Keys, certificates, and what an administrator put there; relative to the data directory.

    `but_not`: the database, and the folders that backups go to, where they are in it.
    """
    others = tuple(str(path) for path in but_not)
    found = []
    for path in sorted(data_dir.rglob("*")):
        name = path.relative_to(data_dir)
        is_hidden = any(part.startswith(".") for part in name.parts)
        is_other = name.parts[0] in _OF_THE_DEVICE_SIDE or str(path).startswith(others)
        if path.is_file() and not (is_hidden or is_other or path.suffix in _OF_THE_MOMENT):
            found.append(name)
    return found
