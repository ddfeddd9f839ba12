"""What is put on record about backups and their drills."""

from dataclasses import dataclass
from datetime import datetime

from fleet.services import audit
from fleet.store.database import transaction
from fleet.store.recovery import RecoveryDrill

SUBJECT = "recovery"
"""In the audit: everything about backups in one list."""
BACKUP_TAKEN = "recovery.backup"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a drill has found out; of a backup that could not be read, little is known."""

    at: datetime
    duration_s: float
    problems: tuple[str, ...] = ()
    file: str | None = None
    sha256: str | None = None
    taken_at: datetime | None = None
    tables: int = 0
    rows: int = 0
    audit_id: int | None = None
    audit_hash: str | None = None


def note_backup(file: str, rows: int, actor: str, now: datetime) -> None:
    """A copy of everything has left the database: an auditor wants to know."""
    with transaction() as session:
        after = {"file": file, "rows": rows}
        audit.record(session, actor, BACKUP_TAKEN, SUBJECT, now, after=after)


def note_drill(proof: Proof, actor: str) -> None:
    with transaction() as session:
        passed = not proof.problems
        session.add(
            RecoveryDrill(
                at=proof.at,
                duration_s=proof.duration_s,
                passed=passed,
                problem="; ".join(proof.problems)[:1024] or None,
                file=proof.file,
                sha256=proof.sha256,
                taken_at=proof.taken_at,
                tables=proof.tables,
                rows=proof.rows,
                audit_id=proof.audit_id,
                audit_hash=proof.audit_hash,
            )
        )
        after = {"passed": passed, "file": proof.file, "sha256": proof.sha256, "rows": proof.rows}
        audit.record(session, actor, "recovery.drill", SUBJECT, proof.at, after=after)
