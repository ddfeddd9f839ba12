"""Profiles on the device: unsigned as before, until there is a trust document; then signed only."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fleet.wire.messages import Desired, encode
from tests.support.signing import Ceremony, firmware
from tests.unit.device.bench import desired
from tests.unit.device.firmware_bench import FirmwareBench


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    return Ceremony(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def bench(tmp_path: Path, ceremony: Ceremony) -> FirmwareBench:
    bench = FirmwareBench(tmp_path / "journal", ceremony)
    bench.connect()
    return bench


def signed(
    ceremony: Ceremony, generation: int = 1, by: str = "release", directed: Any = None,
    timeout: int = 90, document_sha256: str | None = None,
) -> bytes:  # fmt: skip
    said = msgspec.json.decode(desired(generation, {"screen_timeout_s": timeout}), type=Desired)
    manifest = ceremony.sign(
        firmware(
            type="profile", artifact=None, hardware_ids=[],
            document_sha256=document_sha256 or said.sha256,
        ),
        by,
    )  # fmt: skip
    how = {"generation": generation, **(directed or {})}
    said.manifest, said.direction = manifest, ceremony.direction(manifest, **how)
    return encode(said)


def screen(bench: FirmwareBench) -> object:
    return bench.hardware.settings["screen_timeout_s"]


def test_a_signed_profile_is_applied(bench: FirmwareBench) -> None:
    bench.deliver("desired", signed(bench.ceremony))
    assert screen(bench) == 90
    assert bench.link.said("reported")[-1]["generation"] == 1


def test_without_a_trust_document_unsigned_profiles_are_applied_as_before(
    tmp_path: Path, ceremony: Ceremony
) -> None:
    bench = FirmwareBench(tmp_path / "journal", ceremony, anchored=False)
    bench.connect()
    bench.deliver("desired", desired(1, {"screen_timeout_s": 90}))
    assert screen(bench) == 90


@pytest.mark.parametrize(
    "said",
    [
        {"by": "online"},
        {"by": "root-1"},
        {"directed": {"device": "cart-002"}},
        {"directed": {"generation": 2}},
        {"directed": {"by": "release"}},
        {"document_sha256": hashlib.sha256(b"another").hexdigest()},
    ],
)
def test_what_is_not_signed_for_this_device_and_document_is_not_applied(
    bench: FirmwareBench, said: dict[str, Any]
) -> None:
    bench.deliver("desired", signed(bench.ceremony, **said))
    assert screen(bench) == 60
    bench.deliver("desired", signed(bench.ceremony))
    assert screen(bench) == 90


def test_an_unsigned_profile_is_refused_and_so_is_a_changed_one(bench: FirmwareBench) -> None:
    bench.deliver("desired", desired(1, {"screen_timeout_s": 90}))
    assert screen(bench) == 60
    changed = json.loads(signed(bench.ceremony))
    changed["document"]["settings"]["screen_timeout_s"] = 9_999
    bench.deliver("desired", json.dumps(changed).encode())
    assert screen(bench) == 60


def test_a_former_generation_is_not_applied_again_though_it_is_signed(
    bench: FirmwareBench,
) -> None:
    bench.deliver("desired", signed(bench.ceremony, 1, timeout=30))
    bench.deliver("desired", signed(bench.ceremony, 2))
    bench.deliver("desired", signed(bench.ceremony, 1, timeout=30))
    assert screen(bench) == 90
