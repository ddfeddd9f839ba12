"""What is followed and what is refused, by signatures, roles, thresholds and expiry."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.signer import SSlibKey

from fleet.signing.sign import write_envelope
from fleet.trust.documents import MANIFEST, Role, TrustDocument
from fleet.trust.envelope import read_envelope, signers
from fleet.trust.refusal import Reason, Refused
from fleet.trust.verify import Trust, check_counter, check_directed, check_fits
from fleet.wire.envelope import Envelope, Signature
from fleet.wire.messages import encode
from tests.support.signing import DEVICE, HARDWARE, NOW, YEAR, Ceremony, firmware


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    return Ceremony(tmp_path_factory.mktemp("keys"))


def refusal(asked: Any, *args: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        asked(*args)
    return caught.value.reason


def test_a_signed_manifest_is_followed(ceremony: Ceremony) -> None:
    manifest = ceremony.trust.manifest(ceremony.manifest(), NOW)
    assert (manifest.version, manifest.release_counter) == ("4.2.0", 7)


def test_what_we_sign_others_verify_by_the_same_standard(ceremony: Ceremony) -> None:
    theirs = TheirEnvelope.from_dict(json.loads(write_envelope(ceremony.manifest())))
    half = ceremony.halves["release"]
    key = SSlibKey(half.keyid, "ed25519", "ed25519", {"public": half.public.hex()})
    assert set(theirs.verify([key], 1)) == {half.keyid}


def test_an_envelope_survives_its_file(ceremony: Ceremony) -> None:
    envelope = ceremony.manifest()
    assert read_envelope(write_envelope(envelope)) == envelope == read_envelope(encode(envelope))


@given(place=st.integers(0), bit=st.integers(0, 7))
@settings(max_examples=200)
def test_no_flipped_bit_of_payload_or_signature_passes(
    ceremony: Ceremony, place: int, bit: int
) -> None:
    good = ceremony.manifest()
    whole = bytearray(good.payload + good.signatures[0].sig)
    whole[place % len(whole)] ^= 1 << bit
    size = len(good.payload)
    bad = Envelope(
        bytes(whole[:size]),
        good.payload_type,
        [Signature(good.signatures[0].keyid, bytes(whole[size:]))],
    )
    with pytest.raises(Refused):
        ceremony.trust.manifest(bad, NOW)


def test_a_payload_cannot_be_passed_off_as_another_type(ceremony: Ceremony) -> None:
    direction = ceremony.direction(ceremony.manifest())
    as_manifest = Envelope(direction.payload, MANIFEST, direction.signatures)
    assert signers(as_manifest, ceremony.document.keys) == frozenset()
    assert refusal(ceremony.trust.manifest, direction, NOW) == Reason.MALFORMED


@pytest.mark.parametrize("by", ["online", "root-1"])
def test_nobody_but_a_release_key_signs_firmware(ceremony: Ceremony, by: str) -> None:
    envelope = ceremony.manifest(by=by)
    assert refusal(ceremony.trust.manifest, envelope, NOW) == Reason.TOO_FEW_SIGNERS


@pytest.mark.parametrize("by", ["release", "root-1"])
def test_nobody_but_the_online_key_directs(ceremony: Ceremony, by: str) -> None:
    envelope = ceremony.direction(ceremony.manifest(), by=by)
    assert refusal(ceremony.trust.direction, envelope, NOW) == Reason.TOO_FEW_SIGNERS


def test_one_key_under_two_names_is_no_trust_document(ceremony: Ceremony) -> None:
    document = msgspec.structs.replace(ceremony.document)
    document.keys["0" * 64] = document.keys[document.root.keys[0]]
    assert refusal(Trust.anchored, ceremony.sign(document, "root-1", "root-2")) == Reason.MALFORMED
    del document.keys["0" * 64]


def test_a_key_has_one_role(ceremony: Ceremony) -> None:
    document = msgspec.structs.replace(ceremony.document)
    document.release = Role([*document.release.keys, *document.online.keys], 1)
    assert refusal(Trust.anchored, ceremony.sign(document, "root-1", "root-2")) == Reason.MALFORMED


@pytest.mark.parametrize("by", [("root-1",), ("root-1", "root-1"), ("root-1", "release")])
def test_a_trust_document_needs_two_different_root_keys(
    ceremony: Ceremony, by: tuple[str, ...]
) -> None:
    envelope = ceremony.sign(ceremony.document, *by)
    assert refusal(Trust.anchored, envelope) == Reason.TOO_FEW_SIGNERS


def test_a_signature_that_stands_twice_counts_once(ceremony: Ceremony) -> None:
    once = ceremony.sign(ceremony.document, "root-1")
    twice = Envelope(once.payload, once.payload_type, once.signatures * 2)
    assert refusal(Trust.anchored, twice) == Reason.TOO_FEW_SIGNERS


def test_a_new_release_key_takes_over(ceremony: Ceremony) -> None:
    half = ceremony.add("release-2")
    following = ceremony.rotated(release=[half])
    after = ceremony.trust.followed_by(ceremony.sign(following, "root-2", "root-3"))
    assert after.manifest(ceremony.manifest(by="release-2"), NOW).version == "4.2.0"
    assert refusal(after.manifest, ceremony.manifest(), NOW) == Reason.TOO_FEW_SIGNERS


def test_new_root_keys_need_the_word_of_the_old_ones_and_their_own(ceremony: Ceremony) -> None:
    new = [ceremony.add(f"new-root-{n}") for n in range(3)]
    following = ceremony.rotated(root=new)
    old_alone = ceremony.sign(following, "root-1", "root-2")
    new_alone = ceremony.sign(following, "new-root-0", "new-root-1")
    for half in (old_alone, new_alone):
        assert refusal(ceremony.trust.followed_by, half) == Reason.TOO_FEW_SIGNERS
    both = ceremony.sign(following, "root-1", "root-2", "new-root-0", "new-root-2")
    assert ceremony.trust.followed_by(both).document.version == 2


@pytest.mark.parametrize("version", [1, 3])
def test_versions_of_trust_follow_one_by_one(ceremony: Ceremony, version: int) -> None:
    following = ceremony.rotated()
    following.version = version
    envelope = ceremony.sign(following, "root-1", "root-2")
    assert refusal(ceremony.trust.followed_by, envelope) == Reason.OLDER_THAN_SEEN


def test_expired_trust_follows_nothing_but_its_successor(ceremony: Ceremony) -> None:
    late = NOW + YEAR
    manifest = ceremony.sign(firmware(now=late - timedelta(days=1)), "release")
    assert refusal(ceremony.trust.manifest, manifest, late) == Reason.EXPIRED
    following = TrustDocument(
        version=2, keys=ceremony.document.keys, root=ceremony.document.root,
        release=ceremony.document.release, online=ceremony.document.online,
        issued_at=late, expires_at=late + YEAR,
    )  # fmt: skip
    after = ceremony.trust.followed_by(ceremony.sign(following, "root-1", "root-2"))
    assert after.manifest(manifest, late).version == "4.2.0"


def test_a_document_is_over_at_its_last_moment(ceremony: Ceremony) -> None:
    envelope = ceremony.manifest(expires_at=NOW + timedelta(hours=1))
    assert ceremony.trust.manifest(envelope, NOW + timedelta(minutes=59))
    assert refusal(ceremony.trust.manifest, envelope, NOW + timedelta(hours=1)) == Reason.EXPIRED


def test_a_direction_is_for_one_device_one_manifest_and_one_generation(
    ceremony: Ceremony,
) -> None:
    manifest, other = ceremony.manifest(), ceremony.manifest(version="4.3.0")
    direction = ceremony.trust.direction(ceremony.direction(manifest), NOW)
    check_directed(direction, DEVICE, manifest)
    assert refusal(check_directed, direction, "cart-002", manifest) == Reason.WRONG_DEVICE
    assert refusal(check_directed, direction, DEVICE, other) == Reason.WRONG_MANIFEST
    assert refusal(check_directed, direction, DEVICE, manifest, 3) == Reason.WRONG_MANIFEST


def test_firmware_fits_the_hardware_that_it_names() -> None:
    check_fits(firmware(), HARDWARE)
    for other in ("M50", "M4", "", None):
        assert refusal(check_fits, firmware(), other) == Reason.WRONG_HARDWARE


def test_the_counter_goes_back_only_by_the_roots_leave(ceremony: Ceremony) -> None:
    envelope = ceremony.manifest()
    manifest = ceremony.trust.manifest(envelope, NOW)
    for seen in (0, 6, 7):
        check_counter(manifest, envelope, seen, None)
    assert refusal(check_counter, manifest, envelope, 8, None) == Reason.OLDER_THAN_SEEN
    leave = ceremony.trust.downgrade(ceremony.downgrade(envelope, seen=9), NOW)
    check_counter(manifest, envelope, 9, leave)
    assert refusal(check_counter, manifest, envelope, 10, leave) == Reason.OLDER_THAN_SEEN
    other = ceremony.manifest(version="4.1.9")
    assert refusal(check_counter, manifest, other, 9, leave) == Reason.WRONG_MANIFEST
    for by in (("release",), ("online",), ("root-1",)):
        weak = ceremony.downgrade(envelope, 9, *by)
        assert refusal(ceremony.trust.downgrade, weak, NOW) == Reason.TOO_FEW_SIGNERS


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"payload":"!","payloadType":"t","signatures":[]}',
        b'{"payload":"","payloadType":"t","signatures":[{"keyid":"a","sig":"%s"}]}'
        % base64.b64encode(b"x" * 65),
        b" " * 200_000,
    ],
)
def test_nonsense_is_refused_as_such(text: bytes) -> None:
    assert refusal(read_envelope, text) == Reason.MALFORMED


def test_a_firmware_names_its_file_and_its_hardware(ceremony: Ceremony, tmp_path: Path) -> None:
    for changed in ({"artifact": None}, {"hardware_ids": []}, {"version": "4.x"}):
        good = json.loads(encode(firmware()))
        bad = json.dumps({**good, **changed}).encode()
        envelope = Envelope(bad, MANIFEST, [])
        signed = ceremony.signers["release"].sign
        from fleet.trust.envelope import signed_bytes

        sig = signed(signed_bytes(MANIFEST, bad))
        envelope.signatures.append(Signature(sig.keyid, bytes.fromhex(sig.signature)))
        assert refusal(ceremony.trust.manifest, envelope, NOW) == Reason.MALFORMED
