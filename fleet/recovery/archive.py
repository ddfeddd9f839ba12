"""One backup in one file: a tar whose first member is a manifest of all the others."""

import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Literal

import msgspec
from msgspec import Struct

from fleet.recovery.errors import RecoveryError
from fleet.recovery.facts import Facts
from fleet.recovery.workspace import sync_folder

FORMAT = 1
MANIFEST = "manifest.json"
_NAME = "wardfleet-%Y%m%dT%H%M%S.%fZ.tar"
_PATTERN = re.compile(r"wardfleet-\d{8}T\d{6}\.\d{6}Z\.tar")
_LARGEST_MANIFEST = 67_108_864
"""In bytes: certificates of a hundred thousand devices."""
_CHUNK = 1_048_576


class Member(Struct):
    bytes: int
    sha256: str


class Manifest(Struct):
    """`version`: of Wardfleet; `facts`: of the database that is in here."""

    format: int
    version: str
    taken_at: datetime
    database: Literal["sqlite", "postgresql"]
    facts: Facts
    members: dict[str, Member]


@dataclass(frozen=True, slots=True)
class Backup:
    path: Path
    taken_at: datetime


def backups(folder: Path) -> list[Backup]:
    """Those in this folder, the newest first; told by their names alone."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _PATTERN.fullmatch(path.name)]
    return [Backup(path, _taken_at(path)) for path in sorted(found, reverse=True)]


def newest(folder: Path) -> Backup | None:
    return next(iter(backups(folder)), None)


def _taken_at(path: Path) -> datetime:
    return datetime.strptime(path.name, _NAME).replace(tzinfo=UTC)


def describe(folder: Path) -> dict[str, Member]:
    """Every file in this folder, as a member."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _member(path) for path in files}


def _member(path: Path) -> Member:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Member(path.stat().st_size, digest)


def write(folder: Path, manifest: Manifest, into: Path) -> Path:
    """Pack the members in `folder`, itself in a workspace on the file system of `into`.

    The file is there whole or not at all, also after a power cut.
    """
    final = into / manifest.taken_at.strftime(_NAME)
    text = msgspec.json.format(msgspec.json.encode(manifest))
    (folder / MANIFEST).write_bytes(text)
    unfinished = folder.with_suffix(".tar")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name in (MANIFEST, *manifest.members):
                tar.add(folder / name, name, filter=_for_its_owner_alone)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(final)
    sync_folder(into)
    return final


def _for_its_owner_alone(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Also where somebody unpacks it by hand; whose it is here means nothing elsewhere."""
    info.mode, info.uid, info.gid, info.uname, info.gname = 0o600, 0, 0, "", ""
    return info


def read_manifest(path: Path) -> Manifest:
    """Raises RecoveryError for what is not a backup, or one that this version cannot read."""
    with _opened(path) as tar:
        first = tar.next()
        if first is None or first.name != MANIFEST or first.size > _LARGEST_MANIFEST:
            raise RecoveryError(f"{path}: not a backup of Wardfleet")
        return _decoded(path, _stream(tar, first).read())


def _decoded(path: Path, text: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise RecoveryError(f"{path}: {MANIFEST}: {error}") from error
    if manifest.format != FORMAT:
        raise RecoveryError(
            f"{path}: format {manifest.format}, of Wardfleet {manifest.version}; "
            f"this version reads format {FORMAT}"
        )
    return manifest


def unpack(path: Path, manifest: Manifest, into: Path) -> None:
    """Every member, checked against the manifest as it is written. Raises RecoveryError."""
    missing = set(manifest.members)
    with _opened(path) as tar:
        for info in tar:
            if info.name == MANIFEST:
                continue
            if not info.isfile() or info.name not in missing or not _is_inside(info.name):
                raise RecoveryError(f"{path}: {info.name}: is not in the manifest")
            missing.remove(info.name)
            found = _copy(_stream(tar, info), into / info.name)
            if found != manifest.members[info.name]:
                raise RecoveryError(f"{path}: {info.name}: damaged, it does not match its checksum")
    if missing:
        raise RecoveryError(f"{path}: {min(missing)}: is missing")


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _stream(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(info)
    assert stream is not None, "a regular file"
    return stream


def _copy(source: IO[bytes], target: Path) -> Member:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += file.write(chunk)
    return Member(size, digest.hexdigest())


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (OSError, tarfile.TarError) as error:
        raise RecoveryError(f"{path}: cannot be read as a backup ({error})") from error
