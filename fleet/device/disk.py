"""The few things that a device does to files, each of which a power cut may come before or after.

What is written is safe only after `sync`; a name, a rename or a removal only after `sync_folder`.
"""

import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """OSError where the disk will not."""

    def read(self, path: Path) -> bytes | None:
        """None where there is no such file."""

    def size(self, path: Path) -> int | None: ...

    def part(self, path: Path, offset: int, length: int) -> bytes: ...

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Into the file, made where it is not there; what stood behind `offset` is cut off."""

    def sync(self, path: Path) -> None: ...

    def rename(self, old: Path, new: Path) -> None:
        """In one moment; what was there under the new name is gone."""

    def remove(self, path: Path) -> None:
        """Nothing happens where there is no such file."""

    def sync_folder(self, folder: Path) -> None: ...


class RealDisk:
    """The file system of this machine. Folders are made as they are needed."""

    def read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def size(self, path: Path) -> int | None:
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None

    def part(self, path: Path, offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def write(self, path: Path, offset: int, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(data)

    def sync(self, path: Path) -> None:
        _sync(path)

    def rename(self, old: Path, new: Path) -> None:
        new.parent.mkdir(parents=True, exist_ok=True)
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """And the folder it is in: it may have just been made."""
        for each in (folder, folder.parent):
            if each.is_dir():
                _sync(each)


def put(disk: Disk, path: Path, content: bytes) -> None:
    """The whole content or the former one, whenever the power goes."""
    draft = path.with_name(f"{path.name}.new")
    disk.write(draft, 0, content)
    disk.sync(draft)
    disk.rename(draft, path)
    disk.sync_folder(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
