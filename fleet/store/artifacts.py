"""Files of firmware in the data directory, each under its SHA-256: what is there is whole."""

import hashlib
import os
import tempfile
from pathlib import Path

_CHUNK = 1024 * 1024


class WrongFile(ValueError):
    """Not the file that the manifest is about; the message says in what."""


class Artifacts:
    """The folder `firmware` of the data directory. Drafts begin with a dot: backups pass by."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "firmware"

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def has(self, sha256: str, length: int) -> bool:
        try:
            return self.path(sha256).stat().st_size == length
        except FileNotFoundError:
            return False

    def keep(self, file: Path, sha256: str, length: int) -> None:
        """A copy of `file`; it appears whole or not at all. Raises WrongFile, OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".draft-")
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as copy, file.open("rb") as original:
                digest, size = hashlib.sha256(), 0
                while size <= length and (chunk := original.read(_CHUNK)):
                    digest.update(chunk)
                    size += copy.write(chunk)
                copy.flush()
                os.fsync(descriptor)
            _check(file, size, length, digest.hexdigest(), sha256)
            draft.replace(self.path(sha256))
            _sync_folder(self._folder)
        finally:
            draft.unlink(missing_ok=True)


def _check(file: Path, size: int, length: int, digest: str, sha256: str) -> None:
    if size != length:
        found = f"more than {length}" if size > length else str(size)
        raise WrongFile(f"{file} has {found} bytes, its manifest says {length}")
    if digest != sha256:
        raise WrongFile(f"{file} has the SHA-256 {digest}, its manifest says {sha256}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
