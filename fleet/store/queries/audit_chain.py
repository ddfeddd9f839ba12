"""Is the audit as it was written? Every entry against the hash chain, in one pass."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from fleet.domain.audit_chain import link
from fleet.store.models import AuditChain, AuditEntry

FORGET = "audit.forget"
"""The action of the entry that says up to where entries have had their time."""
_AT_ONCE = 1_000

_entry, _chain = AuditEntry.__table__, AuditChain.__table__


@dataclass(frozen=True, slots=True)
class End:
    """The newest entry: who has noted it elsewhere can tell later whether all before it stands."""

    id: int
    hash: str


class Verdict(NamedTuple):
    """`problem` names the first row that does not fit; None where all do."""

    entries: int
    end: End
    problem: str | None = None


def end_of_chain(connection: Connection) -> End:
    row = connection.execute(select(_chain.c.last_id, _chain.c.last_hash)).one()
    return End(row.last_id, row.last_hash)


def verify(connection: Connection, kept_elsewhere: End | None = None) -> Verdict:
    """Read in one snapshot. `kept_elsewhere`: an end noted before, that must still be in the chain.

    Who may write the database can write a whole new chain, consistent in itself: only an end kept
    outside of it tells.
    """
    chain = connection.execute(select(_chain)).mappings().one_or_none()
    if chain is None:
        return Verdict(0, End(0, ""), "the row of audit_chain is missing")
    before = End(chain["anchor_id"], chain["anchor_hash"])
    forgotten, entries = before.id == 0, 0
    is_there = kept_elsewhere is None or kept_elsewhere.id < before.id  # that one had its time
    is_there = is_there or kept_elsewhere == before
    by_id = select(_entry).order_by(_entry.c.id)
    with connection.execute(by_id, execution_options={"yield_per": _AT_ONCE}) as result:
        for row in result.mappings():
            problem = _problem(row, before, chain["last_id"])
            if problem:
                return Verdict(entries, before, problem)
            entries, before = entries + 1, End(row["id"], row["hash"])
            is_there = is_there or before == kept_elsewhere
            if row["action"] == FORGET:
                forgotten = (row["after"]["id"], row["after"]["hash"]) == _anchor(chain)
    return Verdict(entries, before, _problem_of_ends(chain, before, entries, forgotten, is_there))


def _problem(row: RowMapping, before: End, last_id: int) -> str | None:
    name = f"entry {row['id']} ({row['action']} of {row['subject']}, {row['at']:%Y-%m-%d %H:%M})"
    if row["hash"] != link(row["previous_hash"], row):
        return f"{name} was changed: its content does not match its hash"
    if row["previous_hash"] != before.hash:
        missing = row["id"] > before.id + 1
        what = "one between was deleted" if missing else f"entry {before.id} was rewritten"
        return f"{name} does not follow entry {before.id}: {what}"
    if row["id"] > last_id:
        return f"{name} was added beside the chain, which ends with entry {last_id}"
    return None


def _anchor(chain: RowMapping) -> tuple[Any, Any]:
    return chain["anchor_id"], chain["anchor_hash"]


def _problem_of_ends(
    chain: RowMapping, last: End, entries: int, forgotten: bool, is_there: bool
) -> str | None:
    if (last.id, last.hash) != (chain["last_id"], chain["last_hash"]):
        return f"entry {chain['last_id']} is missing: the chain was cut after entry {last.id}"
    if entries != chain["entries"]:
        return f"{chain['entries']} entries were written and {entries} are there"
    if not forgotten:
        return (
            f"entries up to {chain['anchor_id']} are gone, and none says that they had their time"
        )
    if not is_there:
        return "the end that was kept elsewhere is not in the chain: it was written anew"
    return None
