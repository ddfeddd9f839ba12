"""Put a backup in place of the database, and see to it that nothing counts backwards."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fleet import create_worker
from fleet.config import Settings
from fleet.data_dir import only_one
from fleet.pki.authority import Revoked
from fleet.pki.folder import Folder
from fleet.recovery import archive, litestream, settings_kept, sqlite
from fleet.recovery.backup import FILES
from fleet.recovery.errors import RecoveryError
from fleet.recovery.facts import Facts
from fleet.recovery.kinds import Kind, kind_of
from fleet.recovery.occupied import refuse_what_is_in_use
from fleet.recovery.proof import problems_of, refuse_what_is_newer
from fleet.recovery.revocations import BESIDE_BACKUPS, entries, newest_list, put_in_place
from fleet.recovery.workspace import workspace
from fleet.services.recovered import recovered
from fleet.services.revocations import remember
from fleet.store.database import db


@dataclass(frozen=True, slots=True)
class How:
    """What the operator said, and when. `force`: what is there is put aside."""

    actor: str
    now: datetime
    force: bool = False
    keep_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """`lost`: how much time lies between the restored database and now. `aside`: what was there.
    `revoked`: of so many devices a certificate was revoked since, and stays so.
    """

    lost: timedelta
    aside: tuple[str, ...]
    settings: dict[str, str]
    revoked: int


def restore(settings: Settings, file: Path, how: How) -> Restored:
    """Checked before anything is replaced. Raises RecoveryError: then everything is as it was."""
    manifest = archive.read_manifest(file)
    kind, database = kind_of(settings.database_url)
    if manifest.database != kind:
        raise RecoveryError(f"{file}: a backup of {manifest.database}; this database is {kind}")
    refuse_what_is_newer(manifest)
    settings.make_data_dir()
    with only_one(settings.data_dir), workspace(settings.data_dir) as work:
        held = refuse_what_is_in_use(settings.database_url, how.force, how.now)
        members = work / "members"
        archive.unpack(file, manifest, members)
        source = {"file": file.name, "taken_at": manifest.taken_at.isoformat()}
        old = Folder(members / FILES / "pki", settings.own_ca)
        revocations = newest_list(old.ca, (settings.pki.crl, file.parent / BESIDE_BACKUPS, old.crl))
        revoked = entries(revocations)
        prepared = _Prepare(settings, database, manifest.facts, source, how, work, revoked)
        aside = database.replace(settings.database_url, members, prepared, how.now, held)
        old.crl.unlink(missing_ok=True)
        files = _put_files(members / FILES, settings.data_dir, how.now)
        if revocations is not None:
            put_in_place(settings.pki, revocations)
        text = (members / settings_kept.MEMBER).read_text()
    asides = tuple(filter(None, (aside, *files)))
    return Restored(prepared.lost, asides, json.loads(text), prepared.remembered)


def restore_replica(settings: Settings, at: datetime | None, how: How) -> Restored:
    """From Litestream's replica: the database alone. As of `at`, or the newest there is."""
    if settings.litestream_url is None:
        raise RecoveryError("FLEET_LITESTREAM_URL is not set: it names the replica")
    url = settings.database_url
    settings.make_data_dir()
    with only_one(settings.data_dir), workspace(settings.data_dir) as work:
        held = refuse_what_is_in_use(url, how.force, how.now)
        source = {"replica": settings.litestream_url.partition("?")[0]}
        prepared = _Prepare(settings, sqlite, None, source, how, work, _listed(settings))
        fetch = litestream.Fetch(settings.litestream_url, at)
        aside = sqlite.put_in_place(url, fetch, prepared, how.now, held)
    return Restored(prepared.lost, (aside,) if aside else (), {}, prepared.remembered)


def recovered_in_place(settings: Settings, how: How) -> timedelta:
    """The database was put back by other means: to a moment, by PostgreSQL, or from a disk's copy.

    Returns how much time is lost.
    """
    settings.make_data_dir()
    with only_one(settings.data_dir), create_worker(settings).app_context():
        try:
            lost = recovered({"in_place": True}, how.actor, how.now, how.keep_tokens)
            remember(_listed(settings), how.actor, how.now)
            return lost
        finally:
            db.engine.dispose()


class _Prepare:
    """What happens to a restored database before it takes its place: proof, then counters."""

    def __init__(
        self,
        settings: Settings,
        database: Kind,
        facts: Facts | None,
        source: dict[str, Any],
        how: How,
        work: Path,
        revoked: list[Revoked],
    ) -> None:
        self._settings = settings
        self._database, self._facts, self._source = database, facts, source
        self._how, self._work, self._revoked = how, work, revoked
        self.lost, self.remembered = timedelta(0), 0

    def __call__(self, url: str) -> None:
        problems = problems_of(url, self._database, self._facts)
        if problems:
            raise RecoveryError("; ".join(problems))
        # A data directory for the moment: the real one gets its key from the backup.
        settings = replace(self._settings, database_url=url, data_dir=self._work)
        with create_worker(settings).app_context():
            how = self._how
            self.lost = recovered(self._source, how.actor, how.now, how.keep_tokens)
            self.remembered = len(remember(self._revoked, how.actor, how.now))
            db.engine.dispose()


def _listed(settings: Settings) -> list[Revoked]:
    """Where only the database was put back, the list has stayed where it was."""
    return entries(newest_list(settings.pki.ca, (settings.pki.crl,)))


def _put_files(folder: Path, data_dir: Path, now: datetime) -> list[str]:
    """Into the data directory; returns where what was different there is kept."""
    aside = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = data_dir / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.read_bytes() != path.read_bytes():
            kept = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
            target.rename(kept)
            aside.append(str(kept))
        path.rename(target)
    return aside
