"""What devices answer to commands, and how far they are with firmware."""

from fleet.ingest.batch import Batch
from fleet.ingest.decode import JOB
from fleet.services.rollouts.job_reports import note_job_reports
from fleet.services.send_command import note_answers
from fleet.wire.firmware import JobReport
from fleet.wire.messages import Answer


def answers(batch: Batch) -> None:
    said = []
    for spoken in batch.said("cmd"):
        assert isinstance(spoken.message, Answer)
        said.append((batch.devices[spoken.device_id].pk, spoken.message))
    note_answers(batch.session, said, batch.now)


def job_reports(batch: Batch) -> None:
    said = []
    for spoken in batch.said(JOB):
        assert isinstance(spoken.message, JobReport)
        job_id = spoken.heard.topic.rpartition("/")[2]
        said.append((batch.devices[spoken.device_id].pk, job_id, spoken.message))
    note_job_reports(batch.session, said, batch.now)
