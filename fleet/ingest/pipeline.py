"""The ordered list: what happens to a batch of messages, in one transaction.

MQTT in -> decode -> record -> evaluate -> decide -> commit -> ack. No step looks back.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from fleet.ingest import metrics
from fleet.ingest.answers import answers, job_reports
from fleet.ingest.batch import Batch, DeviceAck, Inbound, Memory, Rejected
from fleet.ingest.decide import decide, move_boards
from fleet.ingest.decode import decode, refuse_all
from fleet.ingest.evaluate import evaluate
from fleet.ingest.heartbeats import heartbeats
from fleet.ingest.identify import identify
from fleet.ingest.quarantine import quarantine
from fleet.ingest.record import record
from fleet.ingest.reports import reports
from fleet.ingest.sessions import births, wills
from fleet.store.database import transaction

log = logging.getLogger(__name__)

STEPS: tuple[Callable[[Batch], None], ...] = (
    decode,
    identify,
    births,
    record,
    evaluate,
    decide,
    wills,
    reports,
    answers,
    job_reports,
    move_boards,
    heartbeats,
    quarantine,
)

Acks = dict[tuple[str, int], DeviceAck]
"""(device id, boot) -> what that device may forget."""


def process(inbound: Sequence[Inbound], now: datetime, memory: Memory | None = None) -> Acks:
    """Take a batch through every step and commit; returns what may be acked to the devices.

    A batch that cannot be taken because of its content is split until the one message
    to blame is found and quarantined: one poisoned message never holds up its neighbours. Errors of
    the database itself (away, locked, full) are raised: nothing is committed, nothing may be acked.
    """
    memory = memory or Memory()
    try:
        return _commit(list(inbound), now, memory)
    except Exception as error:
        if _is_the_database(error):
            raise
        if len(inbound) == 1:
            log.exception("quarantined one message on %s", inbound[0].topic)
            return _refuse(inbound[0], error, now)
    half = len(inbound) // 2
    return _merged(process(inbound[:half], now, memory), process(inbound[half:], now, memory))


def _is_the_database(error: Exception) -> bool:
    """DBAPIError is the base of operational errors too; those are nobody's message's fault."""
    return isinstance(error, DBAPIError) and not isinstance(error, DataError | IntegrityError)


def _merged(first: Acks, second: Acks) -> Acks:
    for key, ack in second.items():
        into = first.setdefault(key, DeviceAck())
        into.seqs |= ack.seqs
        into.refused += ack.refused
    return first


def _commit(inbound: list[Inbound], now: datetime, memory: Memory) -> Acks:
    with transaction() as session:
        batch = Batch(session, now, inbound, memory)
        for step in STEPS:
            step(batch)
    metrics.quarantined(batch.rejected)
    return batch.acks


def _refuse(heard: Inbound, error: Exception, now: datetime) -> Acks:
    reason = f"could not be processed: {type(error).__name__}"
    with transaction() as session:
        batch = Batch(session, now, [heard])
        batch.rejected.append(Rejected(heard, reason, kind="not_processed"))
        quarantine(batch)
        refuse_all(batch, heard, reason)
        identify(batch)
    metrics.quarantined(batch.rejected)
    return batch.acks
