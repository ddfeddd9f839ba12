"""Firmware on the device: from an offer to a release that runs, through any number of power cuts.

offered, downloading, verified, (waiting,) installing, rebooting, succeeded; or rejected, failed,
cancelled. Where it is, is written down before the next thing is done; every step can be
done again.
"""

import logging
from pathlib import Path

from fleet.device.disk import Disk, put
from fleet.device.download import Download
from fleet.device.fetch import Fetcher, source_of
from fleet.device.job import Ground, Job, what_lacks
from fleet.device.slots import Release, Slots, load
from fleet.device.trusted import Trusted
from fleet.trust.documents import Artifact, Manifest
from fleet.trust.envelope import payload_digest
from fleet.trust.refusal import Refused
from fleet.wire.firmware import JobState, Offer, to_header
from fleet.wire.messages import encode

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 30.0
"""While the device is not as the manifest requires, or nothing comes."""
PROVE_WITHIN_S = 600.0
"""A new image on trial must have spoken with the service by then."""
WRONG_FILES = 3
"""So often a file may turn out to be another one; a bad network does that, too."""
ENDS = frozenset({"succeeded", "failed", "rejected", "cancelled"})
POINT_OF_NO_RETURN = frozenset({"installing", "rebooting"})


class Updater:
    """`tick` does what is due. `server`: the service's address, `http://host:port`."""

    def __init__(
        self, disk: Disk, folder: Path, slots: Slots, trusted: Trusted, fetcher: Fetcher,
        server: str,
    ) -> None:  # fmt: skip
        self._disk, self._folder = disk, folder
        self._slots, self._trusted = slots, trusted
        self._fetcher, self._server = fetcher, server
        self._job = load(disk, folder / "job", Job)
        self._next: Offer | None = None
        self._download: Download | None = None
        self._due = 0.0
        self._prove_by: float | None = None

    @property
    def job(self) -> Job | None:
        return self._job

    def offered(self, offer: Offer | None, ground: Ground) -> None:
        """A word of the service; None: it takes its offer back."""
        job = self._job
        at_work = job is not None and job.state not in ENDS
        if job is not None and offer is not None and offer == job.offer:
            self.tell(ground)
        elif job is not None and offer is not None and at_work and _is_renewed(job.offer, offer):
            job.offer, self._download = offer, None
            self._enter(job.state, ground, job.reason, job.detail)
        elif job is not None and at_work and job.state in POINT_OF_NO_RETURN:
            self._next = offer
        else:
            if job is not None and at_work:
                self._end(ground, "cancelled", "taken_back", "another offer came, or none")
            if offer is not None:
                self._begin(offer, ground)

    def tell(self, ground: Ground) -> None:
        """Say where the job is: to a service that may have missed it."""
        if self._job is not None:
            ground.report_job(self._job, self._progress())

    def heard(self, ground: Ground) -> None:
        """The service has answered: whatever image runs can do what it is for."""
        if self._job is not None and self._job.state == "rebooting" and self._runs_the_job():
            self._slots.confirm()
            if self._slots.running is not None:
                self._trusted.installed(self._slots.running.release_counter)
            self._end(ground, "succeeded")

    def tick(self, now: float, ground: Ground) -> float:
        """Do what is due; returns when to be called again."""
        if now >= self._due:
            try:
                self._due = now + self._step(now, ground)
            except Refused as refusal:
                self._due = now + self._refused(refusal, ground)
            except OSError as error:
                log.warning("%s: %s", ground.device_id, error)
                self._due = now + LOOK_AGAIN_S
        return self._due

    def _step(self, now: float, ground: Ground) -> float:
        job = self._job
        if job is None or job.state in ENDS:
            return LOOK_AGAIN_S
        if job.state == "installing" and (self._runs_the_job() or self._has_given_up()):
            self._enter("rebooting", ground)  # the power went before this was written down
        if job.state == "rebooting":
            return self._after_boot(now, ground)
        manifest, artifact = self._verified(job, ground)
        if job.state in ("offered", "downloading"):
            return self._fetch(job, manifest, artifact, ground)
        if job.state in ("verified", "waiting"):
            return self._wait_for_quiet(manifest, ground)
        return self._install(job, manifest, artifact, ground)

    def _begin(self, offer: Offer, ground: Ground) -> None:
        self._job, self._download, self._due = Job(offer), None, 0.0
        try:
            manifest, _ = self._verified(self._job, ground)
        except Refused as refusal:
            self._end(ground, "rejected", refusal.reason, str(refusal))
            return
        running = self._slots.running
        if running is not None and running.manifest_sha256 == payload_digest(offer.manifest):
            self._end(ground, "succeeded", detail=f"{manifest.version} ran already")
            return
        self._enter("downloading", ground)

    def _verified(self, job: Job, ground: Ground) -> tuple[Manifest, Artifact]:
        """Anew at every step: it may be over by now, or of keys that are no longer trusted."""
        manifest = self._trusted.firmware(
            job.offer, ground.device_id, ground.hardware_id, ground.clock()
        )
        assert manifest.artifact is not None
        return manifest, manifest.artifact

    def _fetch(self, job: Job, manifest: Manifest, artifact: Artifact, ground: Ground) -> float:
        if self._slots.has(_release(job, manifest, artifact)):
            self._enter("verified", ground)
            return 0.0
        download = self._download or self._start_download(job, artifact)
        before, problem = self._progress(), download.problem
        pause = download.step()
        if download.is_whole:
            self._enter("verified", ground)
            return 0.0
        if download.problem != problem:
            job.detail = download.problem
            self.tell(ground)
        elif _tenth(self._progress()) != _tenth(before):
            self.tell(ground)
        return pause

    def _start_download(self, job: Job, artifact: Artifact) -> Download:
        path = self._folder / "download" / artifact.sha256
        source = source_of(
            self._server, artifact.uri, artifact.sha256, to_header(job.offer.direction)
        )
        self._download = Download(self._disk, path, artifact, source, self._fetcher)
        return self._download

    def _wait_for_quiet(self, manifest: Manifest, ground: Ground) -> float:
        lacks = what_lacks(manifest.requires, ground.condition())
        if lacks is None:
            self._slots.forget_failure()
            self._enter("installing", ground)
            return 0.0
        assert self._job is not None
        if (self._job.state, self._job.detail) != ("waiting", lacks):
            self._enter("waiting", ground, "not_ready", lacks)
        return LOOK_AGAIN_S

    def _install(self, job: Job, manifest: Manifest, artifact: Artifact, ground: Ground) -> float:
        image = self._folder / "download" / artifact.sha256
        release = _release(job, manifest, artifact)
        if self._disk.size(image) != artifact.length and not self._slots.has(release):
            self._enter("downloading", ground)
            return 0.0
        self._slots.install(image, release)
        self._enter("rebooting", ground)
        ground.restart()
        return LOOK_AGAIN_S

    def _after_boot(self, now: float, ground: Ground) -> float:
        """The new image runs on trial, or it did not come up and the former one runs again."""
        if not self._runs_the_job():
            running = self._slots.running
            if self._has_given_up():
                runs = running.version if running else "what it was made with"
                words = f"the new release did not come up; {runs} runs again"
                self._end(ground, "failed", "did_not_come_up", words)
                return 0.0
            ground.restart()
            return LOOK_AGAIN_S
        if self._prove_by is None:
            self._prove_by = now + PROVE_WITHIN_S
        if now >= self._prove_by:
            log.warning("%s: the new release has not reached the service", ground.device_id)
            self._prove_by = None
            ground.restart()
        return LOOK_AGAIN_S

    def _runs_the_job(self) -> bool:
        running = self._slots.running
        return running is not None and running.manifest_sha256 == self._digest()

    def _has_given_up(self) -> bool:
        return self._slots.given_up is not None and self._slots.given_up == self._digest()

    def _digest(self) -> str | None:
        return payload_digest(self._job.offer.manifest) if self._job else None

    def _refused(self, refusal: Refused, ground: Ground) -> float:
        """Not what was signed: a file may come right the next time, a document does not."""
        assert self._job is not None
        self._download = None
        if not refusal.reason.startswith("wrong_sha") and refusal.reason != "wrong_length":
            self._end(ground, "rejected", refusal.reason, str(refusal))
            return 0.0
        self._job.refusals += 1
        if self._job.refusals >= WRONG_FILES:
            self._end(ground, "failed", refusal.reason, str(refusal))
            return 0.0
        self._enter("downloading", ground, refusal.reason, str(refusal))
        return LOOK_AGAIN_S

    def _enter(
        self, state: JobState, ground: Ground, reason: str | None = None, detail: str | None = None
    ) -> None:
        """Written down first, then told."""
        assert self._job is not None
        self._job.state, self._job.reason, self._job.detail = state, reason, detail
        put(self._disk, self._folder / "job", encode(self._job))
        self.tell(ground)

    def _end(
        self, ground: Ground, state: JobState, reason: str | None = None, detail: str | None = None
    ) -> None:
        assert self._job is not None
        if self._download is not None and state != "succeeded":
            self._download.discard()
        self._download, self._prove_by = None, None
        offer = self._job.offer
        if state != "rejected":
            self._trusted.carried_out(offer, ground.clock())
        self._enter(state, ground, reason, detail)
        following, self._next = self._next, None
        if following is not None:
            self._begin(following, ground)

    def _progress(self) -> int | None:
        if self._job is None or self._job.state != "downloading" or self._download is None:
            return None
        return self._download.percent


def _release(job: Job, manifest: Manifest, artifact: Artifact) -> Release:
    return Release(
        manifest_sha256=payload_digest(job.offer.manifest),
        version=manifest.version,
        release_counter=manifest.release_counter,
        sha256=artifact.sha256,
        length=artifact.length,
    )


def _tenth(percent: int | None) -> int | None:
    return None if percent is None else percent // 10


def _is_renewed(former: Offer, offer: Offer) -> bool:
    """The same job, directed anew: the first direction was about to be over."""
    return (former.job_id, former.manifest) == (offer.job_id, offer.manifest)
