"""Reported configuration: judged against the desired, and put right where it has drifted."""

import msgspec

from fleet.ingest.batch import Batch, Spoken
from fleet.services.receive_report import Report, receive_reports
from fleet.wire.messages import Reported


def reports(batch: Batch) -> None:
    said = batch.said("reported")
    receive_reports(
        batch.session,
        [(batch.devices[spoken.device_id].pk, _report(spoken)) for spoken in said],
        batch.now,
    )


def _report(spoken: Spoken) -> Report:
    message = spoken.message
    assert isinstance(message, Reported)
    return Report(
        device_id=spoken.device_id,
        boot=message.boot,
        seq=message.seq,
        generation=message.generation,
        sha256=message.sha256,
        items=msgspec.to_builtins(message.items),
        applied_at=message.applied_at,
        received_at=spoken.heard.received_at,
    )
