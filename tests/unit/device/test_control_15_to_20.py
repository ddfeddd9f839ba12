"""Controls 15 to 20: what the reference agent refuses, and says so."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.trust.documents import Requires
from fleet.wire.envelope import Envelope
from fleet.wire.firmware import Offer, TrustChain
from fleet.wire.messages import encode
from tests.support.signing import NOW, Ceremony
from tests.unit.device.firmware_bench import NEW, FirmwareBench

Make = Callable[..., FirmwareBench]


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    return Ceremony(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def bench(tmp_path: Path, ceremony: Ceremony) -> FirmwareBench:
    bench = FirmwareBench(tmp_path / "journal", ceremony)
    bench.connect()
    return bench


def refused(bench: FirmwareBench, offer: Offer) -> str:
    """The reason; the agent goes on for an hour, and nothing is fetched or installed."""
    bench.give(offer)
    bench.live(60)
    last = bench.last()
    assert last["state"] == "rejected", last
    assert last["detail"]
    assert bench.shelf.asked == []
    assert bench.running == "4.1.0"
    reason: str = last["reason"]
    return reason


def flipped(envelope: Envelope, place: int) -> Envelope:
    payload = bytearray(envelope.payload)
    payload[place % len(payload)] ^= 1
    return Envelope(bytes(payload), envelope.payload_type, envelope.signatures)


def test_what_is_signed_as_it_must_be_is_installed(bench: FirmwareBench) -> None:
    """So that none of the others passes because nothing is ever installed."""
    bench.give(bench.offer(bench.ceremony.manifest(NEW)))
    bench.live()
    assert bench.states()[-1] == "succeeded"
    assert bench.running == "4.2.0"


@pytest.mark.parametrize("place", [0, 40, 200, 333, -1])
def test_control_15_a_manifest_with_a_flipped_bit_is_rejected(
    bench: FirmwareBench, place: int
) -> None:
    manifest = flipped(bench.ceremony.manifest(NEW), place)
    assert refused(bench, bench.offer(manifest)) == "too_few_signers"


def test_control_16_a_lower_release_counter_is_rejected(bench: FirmwareBench) -> None:
    ceremony = bench.ceremony
    bench.give(bench.offer(ceremony.manifest(NEW, release_counter=9)))
    bench.live()
    older = ceremony.manifest(b"older", version="4.1.9", release_counter=8)
    again = bench.offer(older, "j2", direction=ceremony.direction(older, nonce="1" * 32))
    bench.give(again)
    bench.live(60)
    assert (bench.last("j2")["state"], bench.last("j2")["reason"]) == (
        "rejected",
        "older_than_seen",
    )
    assert bench.running == "4.2.0"


def test_control_16_but_the_root_lets_it_go_back(bench: FirmwareBench) -> None:
    ceremony = bench.ceremony
    bench.give(bench.offer(ceremony.manifest(NEW, release_counter=9)))
    bench.live()
    older = ceremony.manifest(b"older" * 20, version="4.1.9", release_counter=8)
    bench.shelf.files |= type(bench.shelf)(b"older" * 20).files
    said: dict[str, Any] = {"direction": ceremony.direction(older, nonce="1" * 32)}
    bench.give(bench.offer(older, "j2", downgrade=ceremony.downgrade(older, 9, "release"), **said))
    bench.live(60)
    assert bench.last("j2")["state"] == "rejected"
    bench.give(bench.offer(older, "j3", downgrade=ceremony.downgrade(older, seen=9), **said))
    bench.live()
    assert bench.states("j3")[-1] == "succeeded"
    assert (bench.running, bench.firmware.trusted.release_counter) == ("4.1.9", 8)


def test_control_17_an_expired_manifest_is_rejected(bench: FirmwareBench) -> None:
    past = {"issued_at": NOW - timedelta(days=2), "expires_at": NOW - timedelta(days=1)}
    assert refused(bench, bench.offer(bench.ceremony.manifest(NEW, **past))) == "expired"


def test_control_17_also_by_a_clock_that_stands_in_1970(tmp_path: Path, ceremony: Ceremony) -> None:
    """What was signed and followed before says that it is later than that."""
    bench = FirmwareBench(tmp_path / "journal", ceremony)
    bench.firmware._now = lambda: NOW.replace(year=1970)
    bench.connect()
    past = {"issued_at": NOW - timedelta(days=2), "expires_at": NOW - timedelta(days=1)}
    assert refused(bench, bench.offer(ceremony.manifest(NEW, **past))) == "expired"


def test_control_17_one_that_expires_while_it_waits_is_not_installed(
    bench: FirmwareBench,
) -> None:
    bench.hardware.idle_s = 0
    bench.wait(60)
    manifest = bench.ceremony.manifest(
        NEW, requires=Requires(idle=True), expires_at=NOW + timedelta(hours=1)
    )
    bench.give(bench.offer(manifest))
    bench.live(120)
    assert bench.last()["state"] == "waiting"
    bench.live(3_600)
    assert (bench.last()["state"], bench.last()["reason"]) == ("rejected", "expired")


@pytest.mark.parametrize("hardware", [["M50"], ["m40"], ["M4", "M400"]])
def test_control_18_a_wrong_hardware_id_is_rejected(
    bench: FirmwareBench, hardware: list[str]
) -> None:
    manifest = bench.ceremony.manifest(NEW, hardware_ids=hardware)
    assert refused(bench, bench.offer(manifest)) == "wrong_hardware"


def test_control_19_one_key_signing_twice_does_not_make_two(
    tmp_path: Path, ceremony: Ceremony
) -> None:
    """Neither for a trust document that follows, nor for leave to go back."""
    bench = FirmwareBench(tmp_path / "journal", ceremony)
    bench.connect()
    once = ceremony.sign(ceremony.rotated(), "root-1")
    twice = Envelope(once.payload, once.payload_type, once.signatures * 2)
    bench.deliver("trust", encode(TrustChain(1, [ceremony.envelope, twice])))
    assert bench.firmware.trusted.version == 1
    by_two = ceremony.sign(ceremony.rotated(), "root-1", "root-2")
    bench.deliver("trust", encode(TrustChain(1, [ceremony.envelope, by_two])))
    assert bench.firmware.trusted.version == 2


def test_control_20_the_online_key_cannot_sign_firmware(bench: FirmwareBench) -> None:
    manifest = bench.ceremony.manifest(NEW, by="online")
    assert refused(bench, bench.offer(manifest)) == "too_few_signers"


def test_control_20_and_the_release_key_cannot_direct(bench: FirmwareBench) -> None:
    manifest = bench.ceremony.manifest(NEW)
    direction = bench.ceremony.direction(manifest, by="release")
    assert refused(bench, bench.offer(manifest, direction=direction)) == "too_few_signers"


def test_a_direction_to_another_device_is_rejected(bench: FirmwareBench) -> None:
    manifest = bench.ceremony.manifest(NEW)
    direction = bench.ceremony.direction(manifest, device="cart-002")
    assert refused(bench, bench.offer(manifest, direction=direction)) == "wrong_device"


def test_a_direction_is_carried_out_once(bench: FirmwareBench) -> None:
    bench.give(bench.offer(bench.ceremony.manifest(NEW)))
    bench.live()
    bench.give(bench.offer(bench.ceremony.manifest(NEW), "j2"))
    bench.live(60)
    assert (bench.last("j2")["state"], bench.last("j2")["reason"]) == ("rejected", "carried_out")
