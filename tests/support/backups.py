"""Backups taken in a test, and what is in them."""

import tarfile
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import msgspec
from sqlalchemy import create_engine

from fleet.config import Settings
from fleet.recovery.archive import Manifest
from fleet.recovery.backup import Taken, take_backup
from fleet.recovery.restore import How
from fleet.store.checksums import TableSum, table_sums
from fleet.store.database import snapshot
from tests.support.hospital import NOON

LATER = NOON + timedelta(hours=1)


def backed_up(settings: Settings, now: datetime = NOON, keep: int = 14) -> Taken:
    return take_backup(settings, settings.backup_dir, keep, "test", now)


def sums(settings: Settings) -> dict[str, TableSum]:
    engine = create_engine(settings.database_url)
    with snapshot(engine) as connection:
        found = table_sums(connection)
    engine.dispose()
    return found


def how(force: bool = False) -> How:
    return How("test", LATER, force)


def tampered(taken: Taken, tmp_path: Path, named: dict[str, bytes]) -> Path:
    """The same archive, with these members replaced (or added)."""
    path = tmp_path / "tampered.tar"
    with tarfile.open(taken.path) as tar:
        contents = {member.name: _content(tar, member) for member in tar} | named
    with tarfile.open(path, "w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, BytesIO(content))
    return path


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    assert stream is not None
    return stream.read()


def with_manifest(taken: Taken, tmp_path: Path, manifest: Manifest) -> Path:
    return tampered(taken, tmp_path, {"manifest.json": msgspec.json.encode(manifest)})
