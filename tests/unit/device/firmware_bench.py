"""An agent with firmware slots on a disk that can lose its power, and a service it fetches from."""

import hashlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from fleet.device.disk import Disk
from fleet.device.fetch import PART_BYTES, FetchFailed, Part, Source
from fleet.device.firmware import Boot, Firmware
from fleet.device.slots import Release, Slots
from fleet.trust.documents import Manifest
from fleet.trust.envelope import payload_digest
from fleet.wire.envelope import Envelope
from fleet.wire.firmware import Offer
from fleet.wire.messages import Ack, encode
from tests.support.fragile_disk import FragileDisk
from tests.support.signing import DEVICE, Ceremony
from tests.unit.device.bench import Bench

FOLDER = Path("/firmware")
SERVER = "http://service:8080"
OLD = b"the firmware of before" * 10
NEW = b"the firmware that is to come" * 30


class Shelf:
    """Files by their SHA-256. `fails`: so many requests find nobody; `lies`: another content."""

    def __init__(self, *files: bytes) -> None:
        self.files = {hashlib.sha256(file).hexdigest(): file for file in files}
        self.part_bytes = 100
        self.fails = 0
        self.lies: dict[str, bytes] = {}
        self.asked: list[tuple[Source, int]] = []

    def part(self, source: Source, offset: int, size: int = PART_BYTES) -> "Future[Part]":
        self.asked.append((source, offset))
        coming: Future[Part] = Future()
        sha256 = source.etag.strip('"')
        content = self.lies.get(sha256, self.files.get(sha256))
        if self.fails or content is None:
            self.fails = max(self.fails - 1, 0)
            coming.set_exception(FetchFailed("nobody there"))
        else:
            data = content[offset : offset + min(size, self.part_bytes)]
            coming.set_result(Part(offset, data, len(content)))
        return coming


class FirmwareBench(Bench):
    """`disk`: one that was left by a former start; else one with the old release confirmed."""

    def __init__(
        self, path: Path, ceremony: Ceremony, disk: Disk | None = None, boot: Boot = Slots.boot,
        shelf: Shelf | None = None, anchored: bool = True,
    ) -> None:  # fmt: skip
        self.ceremony, self.shelf = ceremony, shelf or Shelf(NEW)
        self.disk = disk or made(ceremony)
        self.firmware = Firmware(
            DEVICE,
            FOLDER,
            self.shelf,
            SERVER,
            disk=self.disk,
            boot=boot,  # type: ignore[arg-type]
        )
        if anchored and not self.firmware.trusted.is_on:
            self.firmware.trusted.anchor(ceremony.envelope)
        super().__init__(path, firmware=self.firmware)

    def offer(self, manifest: Envelope, job_id: str = "j1", **changed: Any) -> Offer:
        said: dict[str, Any] = {"direction": self.ceremony.direction(manifest), **changed}
        return Offer(1, job_id, manifest, **said)

    def give(self, offer: Offer | None) -> None:
        self.deliver("job", encode(offer) if offer else b"")

    def live(self, seconds: float = 120) -> None:
        """Connected again whenever it is not, and heard by the service."""
        end = self.time + seconds
        while self.time < end:
            self.wait(5)
            if not self.link.is_connected:
                self.connect()
            self.deliver("ack", encode(Ack(1, self.journal.boot, [])))

    def states(self, job_id: str = "j1") -> list[str]:
        """Each as it was entered, without what was said again."""
        told = [report["state"] for report in self.link.said(f"job/{job_id}")]
        return [s for at, s in enumerate(told) if at == 0 or told[at - 1] != s]

    def last(self, job_id: str = "j1") -> dict[str, Any]:
        return self.link.said(f"job/{job_id}")[-1]

    @property
    def running(self) -> str | None:
        running = self.firmware.slots.running
        return running and running.version


def made(ceremony: Ceremony) -> FragileDisk:
    """A disk as it leaves the factory: 4.1.0 in slot a, confirmed."""
    disk = FragileDisk()
    slots = Slots(disk, FOLDER)
    image = FOLDER / "download" / "factory"
    disk.write(image, 0, OLD)
    slots.install(image, release_of(ceremony.manifest(OLD, version="4.1.0", release_counter=6)))
    slots.boot()
    slots.confirm()
    return disk.after_power_cut("lost")


def release_of(manifest: Envelope) -> Release:
    said = msgspec.json.decode(manifest.payload, type=Manifest)
    assert said.artifact is not None
    return Release(
        payload_digest(manifest), said.version, said.release_counter, said.artifact.sha256,
        said.artifact.length,
    )  # fmt: skip
