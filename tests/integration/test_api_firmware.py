"""The file of a release over HTTP: whole, in parts, and to whom; and what the API says of it."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from fleet.services.decommission_device import decommission_device
from fleet.wire.envelope import Envelope
from fleet.wire.firmware import to_header
from tests.support.api import API, Hospital
from tests.support.releases import Workshop

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH = f"/firmware/artifacts/{SHA256}"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What HTTP says of a file does not depend on the database."""
    return sqlite_url


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.register("CART-001", "CART-002")
    return hospital


@pytest.fixture
def workshop(hospital: Hospital, tmp_path: Path) -> Workshop:
    workshop = Workshop(hospital.app, tmp_path)
    workshop.add(CONTENT)
    return workshop


@pytest.fixture
def ask(hospital: Hospital, workshop: Workshop) -> "Asking":
    return Asking(hospital)


class Asking:
    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital

    def __call__(self, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.hospital.get(PATH, headers=named, buffered=True)


def test_the_whole_file_has_its_sha256_for_an_etag(ask: Asking) -> None:
    answer = ask()
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert ask(If_None_Match=f'"{SHA256}"').status_code == 304


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=10000-", 10_000, len(CONTENT) - 1),
        ("bytes=10000-99999", 10_000, len(CONTENT) - 1),
        ("bytes=-40", len(CONTENT) - 40, len(CONTENT) - 1),
    ],
)
def test_a_part_of_the_file(ask: Asking, asked: str, first: int, last: int) -> None:
    answer = ask(Range=asked)
    assert (answer.status_code, answer.data) == (206, CONTENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", "bytes=99999-100000"])
def test_a_part_beyond_the_end_is_416_and_says_how_long_it_is(ask: Asking, asked: str) -> None:
    answer = ask(Range=asked)
    assert answer.status_code == 416
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=5-2", "bytes", "bytes=0-1,5-9"])
def test_a_range_that_is_none_gets_the_whole_file(ask: Asking, asked: str) -> None:
    answer = ask(Range=asked)
    assert (answer.status_code, answer.data) == (200, CONTENT)


def test_a_part_of_another_file_is_never_mixed_in(ask: Asking) -> None:
    same = ask(Range="bytes=100-", If_Range=f'"{SHA256}"')
    assert (same.status_code, same.data) == (206, CONTENT[100:])
    other = ask(Range="bytes=100-", If_Range=f'"{"0" * 64}"')
    assert (other.status_code, other.data) == (200, CONTENT)


def test_a_stranger_gets_no_file(ask: Asking) -> None:
    for header in ("", "Direction", "Direction !", "Direction e30=", "Bearer wf_x"):
        assert ask(Authorization=header).status_code == 401, header


def test_a_token_that_may_only_write_gets_no_file(ask: Asking) -> None:
    hospital = ask.hospital
    assert hospital.get(PATH, token=hospital.token("write")).status_code == 403
    assert hospital.get(PATH, token=hospital.token("read"), buffered=True).status_code == 200


def test_a_device_gets_the_file_that_it_is_directed_to_and_nothing_else(
    ask: Asking, workshop: Workshop
) -> None:
    manifest = workshop.ceremony.manifest(CONTENT)
    header = to_header(workshop.ceremony.direction(manifest))
    assert ask(Authorization=header).data == CONTENT
    other = workshop.add(b"another", version="4.3.0", release_counter=8)
    other_path = f"/firmware/artifacts/{hashlib.sha256(b'another').hexdigest()}"
    for path in (other_path, "/firmware/releases", f"/firmware/releases/{other.id}", "/devices"):
        answer = ask.hospital.get(path, headers={"Authorization": header})
        assert answer.status_code == 403, path


def test_a_direction_that_is_not_valid_opens_nothing(ask: Asking, workshop: Workshop) -> None:
    ceremony = workshop.ceremony
    manifest = ceremony.manifest(CONTENT)
    now = datetime.now(UTC)
    good = ceremony.direction(manifest)
    bad = [
        ceremony.direction(manifest, by="release"),
        ceremony.direction(manifest, device="cart-099"),
        ceremony.direction(
            manifest, issued_at=now - timedelta(2), expires_at=now - timedelta(seconds=1)
        ),
        ceremony.direction(ceremony.manifest(b"unknown")),
        Envelope(good.payload.replace(b"001", b"002"), good.payload_type, good.signatures),
        manifest,
    ]
    for envelope in bad:
        assert ask(Authorization=to_header(envelope)).status_code == 401


def test_a_device_that_was_decommissioned_gets_nothing_more(
    ask: Asking, workshop: Workshop
) -> None:
    header = to_header(workshop.ceremony.direction(workshop.ceremony.manifest(CONTENT)))
    with ask.hospital.app.app_context():
        decommission_device("cart-001", "user:ada", datetime.now(UTC))
    assert ask(Authorization=header).status_code == 401


def test_what_is_not_there_is_404(ask: Asking, workshop: Workshop) -> None:
    workshop.artifacts.path(SHA256).write_bytes(CONTENT[:-1])
    assert ask().status_code == 404
    assert ask.hospital.get("/firmware/artifacts/none").status_code == 404
    assert ask.hospital.get("/firmware/releases/99").status_code == 404
    assert ask.hospital.get("/firmware/releases/99/manifest").status_code == 404


def test_releases_are_listed_the_newest_first(hospital: Hospital, workshop: Workshop) -> None:
    workshop.add(b"another", version="4.3.0", release_counter=8)
    listed = hospital.everything("/firmware/releases?limit=1")
    assert [(r["version"], r["has_file"], r["may_go_back"]) for r in listed] == [
        ("4.3.0", True, False),
        ("4.2.0", True, False),
    ]
    one = hospital.get(f"/firmware/releases/{listed[1]['id']}").json
    assert one == listed[1]
    assert one["sha256"] == SHA256


def test_what_was_signed_is_given_as_it_was(hospital: Hospital, workshop: Workshop) -> None:
    from fleet.trust.envelope import read_envelope

    answer = hospital.get("/firmware/releases/1/manifest")
    envelope = read_envelope(answer.data)
    assert workshop.ceremony.trust.manifest(envelope, datetime.now(UTC)).version == "4.2.0"
    chain = hospital.get("/firmware/trust").json["items"]
    assert len(chain) == 1
    assert chain[0]["payloadType"] == "application/vnd.wardfleet.trust+json"


def test_the_file_is_asked_for_by_head_too(ask: Asking) -> None:
    bearer = ask.hospital.token("read", "write")
    answer = ask.hospital.app.test_client().head(
        API + PATH, headers={"Authorization": f"Bearer {bearer}"}, buffered=True
    )
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
