"""What devices answer to commands."""

from fleet.ingest.batch import Batch
from fleet.services.send_command import note_answers
from fleet.wire.messages import Answer


def answers(batch: Batch) -> None:
    said = []
    for spoken in batch.said("cmd"):
        assert isinstance(spoken.message, Answer)
        said.append((batch.devices[spoken.device_id].pk, spoken.message))
    note_answers(batch.session, said, batch.now)
