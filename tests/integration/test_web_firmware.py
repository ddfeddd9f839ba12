"""The pages of firmware: what was signed, as it was, and safely shown."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.store.database import transaction
from fleet.store.models import FirmwareRelease
from fleet.wire.envelope import Envelope
from tests.support.console import signed_in
from tests.support.releases import Workshop

EVIL = "<script>x</script>"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The pages read what `test_api_firmware` reads."""
    return sqlite_url


@pytest.fixture
def ada(app: Flask, client: FlaskClient) -> FlaskClient:
    return signed_in(app, client)


def test_without_trust_the_page_says_what_to_do(ada: FlaskClient) -> None:
    page = ada.get("/it/firmware").text
    assert "Signatures are off" in page
    assert "fleet keys make" in page


def test_releases_are_listed_and_shown(app: Flask, ada: FlaskClient, tmp_path: Path) -> None:
    workshop = Workshop(app, tmp_path)
    older = workshop.ceremony.manifest(version="4.1.0", release_counter=6)
    workshop.add(envelope=older)
    workshop.add(b"x" * 2_000_000, version="4.2.0", hardware_ids=[EVIL], notes=EVIL)
    page = ada.get("/it/firmware").text
    assert page.index("4.2.0") < page.index("4.1.0")
    assert "2 of 3 root keys" in page
    assert "2.0 MB" in page
    assert EVIL not in page
    one = ada.get("/it/firmware/2").text
    assert EVIL not in one
    assert "&lt;script&gt;" in one
    assert workshop.ceremony.halves["release"].keyid in one
    workshop.artifacts.path(_sha256(older)).unlink()
    assert "File missing" in ada.get("/it/firmware/1").text
    assert ada.get("/it/firmware/99").status_code == 404


def test_a_release_that_is_over_says_so(app: Flask, ada: FlaskClient, tmp_path: Path) -> None:
    Workshop(app, tmp_path).add()
    with app.app_context(), transaction() as session:
        session.get_one(FirmwareRelease, 1).expires_at = datetime.now(UTC)
    assert "Expired" in ada.get("/it/firmware").text


def _sha256(envelope: Envelope) -> str:
    sha256: str = json.loads(envelope.payload)["artifact"]["sha256"]
    return sha256
