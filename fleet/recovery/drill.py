"""The drill: restore the newest backup beside the running system, compare, and keep the proof."""

import hashlib
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from fleet.config import Settings
from fleet.recovery import archive
from fleet.recovery.errors import RecoveryError
from fleet.recovery.kinds import kind_of
from fleet.recovery.proof import problems_of, refuse_what_is_newer
from fleet.recovery.workspace import workspace
from fleet.services.errors import ServiceError
from fleet.services.recovery import Proof, note_drill


def run_drill(settings: Settings, file: Path | None, actor: str, now: datetime) -> Proof:
    """Of this backup, or of the newest. A failure is on record like a success."""
    begun = monotonic()
    known: dict[str, Any] = {}
    try:
        problems = _problems(settings, file, known)
    except (ServiceError, OSError, SQLAlchemyError) as error:
        problems = [str(error)]
    proof = Proof(now, monotonic() - begun, tuple(problems), **known)
    note_drill(proof, actor)
    return proof


def _problems(settings: Settings, file: Path | None, known: dict[str, Any]) -> list[str]:
    """What differs; what is found out on the way is put into `known`."""
    path = file or _newest(settings.backup_dir)
    known["file"] = path.name
    with path.open("rb") as opened:
        known["sha256"] = hashlib.file_digest(opened, "sha256").hexdigest()
    manifest = archive.read_manifest(path)
    facts = manifest.facts
    known |= {"taken_at": manifest.taken_at, "tables": len(facts.tables), "rows": facts.rows}
    if facts.audit is not None:
        known |= {"audit_id": facts.audit.id, "audit_hash": facts.audit.hash}
    kind, database = kind_of(settings.database_url)
    if manifest.database != kind:
        raise RecoveryError(f"a backup of {manifest.database}, and no such database runs here")
    refuse_what_is_newer(manifest)
    with workspace(settings.data_dir) as work:
        archive.unpack(path, manifest, work)
        with database.scratch(settings.database_url, work) as url:
            return problems_of(url, database, facts)


def _newest(folder: Path) -> Path:
    backup = archive.newest(folder)
    if backup is None:
        raise RecoveryError(f"{folder}: no backup in it")
    return backup.path
