"""A firmware release rolled out: offers that are signed, what devices say, what comes of it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from fleet.services.allow_downgrade import allow_downgrade
from fleet.services.errors import Conflict, Invalid
from fleet.services.rollouts.roll_back import roll_back
from fleet.signing.online import online_key_path
from fleet.store.database import db, transaction
from fleet.store.models import Device, FirmwareJob, RolloutDevice
from fleet.trust.envelope import payload_digest, read_envelope
from tests.support.firmware_rollouts import FORMER, NEW, FirmwareCarts


@pytest.fixture
def carts(worker: Flask, tmp_path: Path) -> Iterator[FirmwareCarts]:
    with worker.app_context():
        yield FirmwareCarts(worker, tmp_path / "workshop")


def reason_of(name: str) -> str | None:
    query = select(RolloutDevice.reason).join(Device, Device.id == RolloutDevice.device_pk)
    return db.session.scalar(query.where(Device.device_id == name))


def test_a_release_goes_from_canaries_to_every_device(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin()
    carts.turn()
    canaries = carts.offers()
    assert len({name.split("-")[1] for name in canaries}) == len(canaries) == 2
    carts.firmware_goes_well(turns=40)
    assert carts.rollout(rollout_id).state == "completed"
    assert set(carts.jobs(rollout_id).values()) == {"succeeded"}
    carts.turn(times=3, minutes=60)
    assert carts.offers() == {}


def test_an_offer_is_directed_to_its_device_alone_and_kept_by_the_broker(
    carts: FirmwareCarts,
) -> None:
    carts.begin()
    carts.turn()
    (one, another) = carts.offers()
    trust = carts.workshop.ceremony.trust
    offer = carts.offer(one)
    assert offer is not None
    direction = trust.direction(read_envelope(as_json(offer["direction"])), carts.now)
    manifest = read_envelope(as_json(offer["manifest"]))
    assert (direction.device_id, direction.manifest_sha256) == (one, payload_digest(manifest))
    assert trust.manifest(manifest, carts.now).version == NEW
    assert carts.offer(another)["job_id"] != offer["job_id"]  # type: ignore[index]


def test_how_far_a_device_is_can_be_seen_and_is_no_end(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin(canaries=1)
    carts.turn()
    ((name, offer),) = carts.offers().items()
    assert offer is not None
    carts.report(name, offer["job_id"], "downloading", progress_pct=40, firmware=FORMER)
    carts.turn()
    assert carts.in_state(rollout_id, "downloading") == [name]
    job = db.session.scalars(select(FirmwareJob)).one()
    assert (job.state, job.progress_pct) == ("downloading", 40)
    carts.report(name, offer["job_id"], "installing", firmware=FORMER)
    carts.turn()
    assert carts.in_state(rollout_id, "installing") == [name]


def test_success_is_what_the_device_says_after_it_runs_the_release(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin(canaries=2)
    carts.turn()
    (honest, wrong) = carts.offers()
    carts.install(honest)
    offer = carts.offer(wrong)
    assert offer is not None
    carts.report(wrong, offer["job_id"], "succeeded", firmware=FORMER)
    carts.turn()
    assert carts.in_state(rollout_id, "succeeded") == [honest]
    assert carts.in_state(rollout_id, "failed") == [wrong]
    assert reason_of(wrong) == f"says that it succeeded, and runs {FORMER}"
    assert carts.rollout(rollout_id).state == "halted"


@pytest.mark.parametrize("state", ["failed", "rejected"])
def test_a_device_that_fails_says_why_and_halts_the_canaries(
    carts: FirmwareCarts, state: str
) -> None:
    rollout_id = carts.begin()
    carts.turn()
    name = next(iter(carts.offers()))
    offer = carts.offer(name)
    assert offer is not None
    carts.report(name, offer["job_id"], state, reason="did_not_come_up", detail="4.1.0 runs again")
    carts.turn()
    assert carts.in_state(rollout_id, state) == [name]
    assert reason_of(name) == "4.1.0 runs again"
    assert carts.rollout(rollout_id).state == "halted"
    carts.forget_words()
    carts.turn(times=5, minutes=120)
    assert name not in carts.offers()


def test_a_silent_device_has_failed_but_one_that_goes_on_has_time(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin(canaries=2)
    carts.turn()
    (slow, silent) = carts.offers()
    offer = carts.offer(slow)
    assert offer is not None
    for percent in range(10, 100, 10):
        carts.now += timedelta(minutes=20)
        carts.report(slow, offer["job_id"], "downloading", progress_pct=percent)
        carts.turn()
    assert carts.in_state(rollout_id, "downloading") == [slow]
    assert carts.in_state(rollout_id, "timed_out") == [silent]
    assert reason_of(silent) == "silent for 30 min while offered"
    carts.turn(minutes=31)
    assert reason_of(slow) == "silent for 30 min while downloading"


def test_reports_of_another_device_or_an_older_boot_change_nothing(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin(canaries=2)
    carts.turn()
    (one, another) = carts.offers()
    offer = carts.offer(one)
    assert offer is not None
    carts.report(another, offer["job_id"], "failed", detail="not mine")
    carts.report(one, offer["job_id"], "verified")
    carts._seq -= 2
    carts.report(one, offer["job_id"], "downloading")
    carts.turn()
    assert carts.in_state(rollout_id, "verified") == [one]
    assert carts.in_state(rollout_id, "offered") == [another]


def test_going_back_needs_the_leave_of_the_root_keys(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin(canaries=2, shares=[100], soak_min=600)
    carts.turn()
    carts.install_all()
    carts.turn()
    with pytest.raises(Conflict, match=r"the root keys must give leave to go back to 4\.1\.0"):
        roll_back(rollout_id, "user:ada", carts.now)
    ceremony = carts.workshop.ceremony
    former = ceremony.manifest(b"old", version=FORMER, release_counter=6)
    allow_downgrade(ceremony.downgrade(former, 7), "user:ada", carts.now)
    back = roll_back(rollout_id, "user:ada", carts.now)
    assert carts.rollout(back).target_version == FORMER
    carts.turn()
    offers = carts.offers()
    assert len(offers) == 2
    assert all(offer and offer["downgrade"] for offer in offers.values())
    carts.install_all(FORMER)
    carts.turn()
    assert carts.rollout(back).state == "completed"


def test_rolling_back_takes_offers_back_from_those_at_work(carts: FirmwareCarts) -> None:
    ceremony = carts.workshop.ceremony
    former = ceremony.manifest(b"old", version=FORMER, release_counter=6)
    allow_downgrade(ceremony.downgrade(former, 7), "user:ada", carts.now)
    rollout_id = carts.begin(canaries=2)
    carts.turn()
    roll_back(rollout_id, "user:ada", carts.now)
    assert list(carts.offers().values()) == [None, None]
    assert len(carts.in_state(rollout_id, "rolled_back")) == 2


def test_a_profile_is_not_rolled_back_to_what_nobody_has_signed(carts: FirmwareCarts) -> None:
    rollout_id = carts.begin_profile(2, canaries=2)
    carts.turn()
    with pytest.raises(Conflict, match="version 1 of carts is not signed"):
        roll_back(rollout_id, "user:ada", carts.now)
    assert carts.rollout(rollout_id).state == "running"


def test_it_is_for_devices_of_its_make_that_do_not_run_it_yet(carts: FirmwareCarts) -> None:
    with transaction() as session:
        session.execute(
            update(Device).where(Device.device_id == carts.names[0]).values(model="Another")
        )
    carts.rest([carts.names[1]], system={"idle_s": 900, "firmware": NEW})
    rollout_id = carts.begin(scope="ward", key="ward-1")
    assert sorted(carts.jobs(rollout_id)) == sorted(carts.names[2:6])


def test_two_releases_for_the_same_devices_are_refused_in_other_wards_not(
    carts: FirmwareCarts,
) -> None:
    carts.workshop.add(b"newest", version="4.3.0", release_counter=8)
    first = carts.begin(scope="ward", key="ward-1")
    with pytest.raises(Conflict, match=f"rollout {first} brings these devices another release"):
        carts.propose(version="4.3.0")
    carts.propose(version="4.3.0", scope="ward", key="ward-2")


def test_what_cannot_be_rolled_out_is_named(carts: FirmwareCarts) -> None:
    with pytest.raises(Invalid, match=r"no firmware release firmware-9 with version 9"):
        carts.propose(version="9")
    carts.now += timedelta(days=400)
    with pytest.raises(Invalid, match=r"the manifest of 4\.2\.0 expired on .*; sign it anew"):
        carts.propose()


def test_without_the_online_key_the_rollout_halts_and_says_so(
    carts: FirmwareCarts, worker: Flask
) -> None:
    online_key_path(worker.config["FLEET"].data_dir).unlink()
    rollout_id = carts.begin()
    carts.turn()
    rollout = carts.rollout(rollout_id)
    assert rollout.state == "halted"
    assert "the online key cannot be used" in (rollout.reason or "")
    assert carts.offers() == {}


def as_json(envelope: object) -> bytes:
    return json.dumps(envelope).encode()
