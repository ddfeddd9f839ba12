"""From `release add` to a device that has it: real HTTP, real files, a break in between."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.device.disk import RealDisk
from fleet.device.download import Download
from fleet.device.fetch import Fetcher, FetchFailed, fetch, source_of
from fleet.services.directing import offer_of
from fleet.store.database import db
from fleet.store.models import FirmwareRelease
from fleet.trust.documents import Artifact
from fleet.trust.refusal import Refused
from fleet.wire.firmware import Offer, to_header
from tests.browser.server import serving
from tests.support.api import Hospital
from tests.support.releases import Workshop
from tests.support.waiting import wait_until

CONTENT = bytes(range(251)) * 4_000


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def offer(app: Flask, tmp_path: Path) -> Offer:
    Hospital(app).register("CART-001")
    workshop = Workshop(app, tmp_path)
    workshop.hand_over_online_key()
    workshop.add(CONTENT)
    with app.app_context():
        row = db.session.scalars(select(FirmwareRelease)).one()
        return offer_of(row.envelope, row.downgrade, "cart-001", "j1", datetime.now(UTC))


def artifact_of(workshop_content: bytes) -> Artifact:
    sha256 = hashlib.sha256(workshop_content).hexdigest()
    return Artifact(f"artifacts/{sha256}", sha256, len(workshop_content))


def test_a_device_fetches_what_it_was_directed_to_and_goes_on_after_a_break(
    app: Flask, offer: Offer, tmp_path: Path
) -> None:
    artifact, path = artifact_of(CONTENT), tmp_path / "device" / "image"
    with serving(app) as address, ThreadPoolExecutor(1) as executor:
        source = source_of(address, artifact.uri, artifact.sha256, to_header(offer.direction))
        first = Download(RealDisk(), path, artifact, source, Fetcher(executor))
        wait_until(lambda: first.step() is not None and first.percent > 20)
        had = first.percent
        again = Download(RealDisk(), path, artifact, source, Fetcher(executor))
        assert again.percent >= had > 0
        wait_until(lambda: again.step() is not None and again.is_whole)
    assert path.read_bytes() == CONTENT


def test_a_stranger_is_told_why_nothing_comes(app: Flask, offer: Offer) -> None:
    artifact = artifact_of(CONTENT)
    with serving(app) as address:
        source = source_of(address, artifact.uri, artifact.sha256, "Direction e30=")
        with pytest.raises(FetchFailed, match="401"):
            fetch(source, 0, 100)


def test_the_direction_is_shown_to_the_service_alone() -> None:
    ours = source_of("http://fleet:8080", "artifacts/abc", "abc", "Direction x")
    assert ours.url == "http://fleet:8080/api/v1/firmware/artifacts/abc"
    assert ours.headers == {"Authorization": "Direction x"}
    assert source_of("http://fleet:8080", "http://cdn/abc", "abc", "Direction x").headers == {}
    with pytest.raises(ValueError, match="not an address"):
        source_of("http://fleet:8080", "file:///etc/passwd", "abc", "")


@pytest.mark.parametrize("length", [-1, 1])
def test_a_file_of_another_length_is_refused_with_its_first_part(
    app: Flask, offer: Offer, tmp_path: Path, length: int
) -> None:
    artifact = artifact_of(CONTENT)
    artifact.length += length
    with serving(app) as address, ThreadPoolExecutor(1) as executor:
        source = source_of(address, artifact.uri, artifact.sha256, to_header(offer.direction))
        download = Download(RealDisk(), tmp_path / "image", artifact, source, Fetcher(executor))
        with pytest.raises(Refused, match="its manifest says"):
            wait_until(lambda: download.step() is None)
    assert not (tmp_path / "image").exists()
