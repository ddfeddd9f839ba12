"""Take a backup: the database, keys and what else is in the data directory, and the settings."""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from fleet.config import Settings
from fleet.data_dir import files_to_keep
from fleet.recovery import archive, settings_kept, sqlite
from fleet.recovery.archive import Manifest, backups, newest
from fleet.recovery.errors import RecoveryError
from fleet.recovery.kinds import kind_of
from fleet.recovery.workspace import workspace
from fleet.services.recovery import note_backup

FILES = "files"
"""In the archive, the folder of what was in the data directory."""


@dataclass(frozen=True, slots=True)
class Taken:
    path: Path
    manifest: Manifest


def take_backup(settings: Settings, into: Path, keep: int, actor: str, now: datetime) -> Taken:
    """While everything runs; audited. The newest `keep` in that folder are kept.

    Raises RecoveryError.
    """
    try:
        with workspace(into) as work:
            members = work / "members"
            members.mkdir()
            manifest = _gather(settings, members, now)
            path = archive.write(members, manifest, into)
    except OSError as error:
        raise RecoveryError(f"{error.filename or into}: {error.strerror}") from error
    for old in backups(into)[keep:]:
        if old.path != path:
            old.path.unlink(missing_ok=True)
    if manifest.facts.audit is not None:  # a schema from before the chain has none to write to
        note_backup(path.name, manifest.facts.rows, actor, now)
    return Taken(path, manifest)


def _gather(settings: Settings, members: Path, now: datetime) -> Manifest:
    kind, database = kind_of(settings.database_url)
    facts = database.dump(settings.database_url, members)
    _copy_files(settings, members / FILES)
    text = json.dumps(settings_kept.shown(os.environ), indent=1)
    (members / settings_kept.MEMBER).write_text(text)
    return Manifest(
        format=archive.FORMAT,
        version=version("wardfleet"),
        taken_at=now,
        database=kind,
        facts=facts,
        members=archive.describe(members),
    )


def _copy_files(settings: Settings, into: Path) -> None:
    but_not = [settings.backup_dir]
    if settings.database_url.startswith("sqlite"):
        but_not.append(sqlite.path_of(settings.database_url))
    if settings.litestream_url:
        but_not.append(Path(urlsplit(settings.litestream_url).path))
    for name in files_to_keep(settings.data_dir, *but_not):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(settings.data_dir / name, into / name)


def nightly_backup(settings: Settings, now: datetime) -> None:
    """Where it is set, and due: a job asks more often."""
    if is_due(settings, now):
        take_backup(settings, settings.backup_dir, settings.backup_keep, "schedule", now)


def is_due(settings: Settings, now: datetime) -> bool:
    """Whether the backup of the last night that has come is missing."""
    if settings.backup_at is None:
        return False
    due = datetime.combine(now.astimezone(UTC), settings.backup_at, UTC)
    if due > now:
        due -= timedelta(days=1)
    last = newest(settings.backup_dir)
    return last is None or last.taken_at < due
