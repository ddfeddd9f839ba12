"""What devices say of the firmware that they were offered."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services.transitions import shortened
from fleet.store.driver import among
from fleet.store.rollout import FirmwareJob
from fleet.wire.firmware import JobReport


def note_job_reports(
    session: Session, said: Sequence[tuple[int, str, JobReport]], now: datetime
) -> None:
    """Part of a transaction: (device primary key, job id, report) each. The newest is that with the
    highest boot and seq; of a job that nobody offered to this device nothing is kept.

    What follows from it the scheduler decides (`releases.settle`).
    """
    if not said:
        return
    query = (
        select(FirmwareJob)
        .where(among(session, FirmwareJob.job_id, sorted({job_id for _, job_id, _ in said})))
        .order_by(FirmwareJob.rollout_device_id)
        .with_for_update()
    )
    jobs = {(job.device_pk, job.job_id): job for job in session.scalars(query)}
    for device_pk, job_id, report in said:
        job = jobs.get((device_pk, job_id))
        if job is not None and (job.boot or 0, job.seq or 0) < (report.boot, report.seq):
            _note(job, report, now)


def _note(job: FirmwareJob, report: JobReport, now: datetime) -> None:
    if (job.state, job.progress_pct) != (report.state, report.progress_pct):
        job.changed_at = now
    job.boot, job.seq = report.boot, report.seq
    job.state, job.progress_pct = report.state, report.progress_pct
    job.reason = shortened(report.detail or report.reason)
    job.firmware = report.firmware
