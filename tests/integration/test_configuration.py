"""Profiles, assignments, desired and reported, compliance and its history."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from sqlalchemy import select

from fleet.domain.compliance import REPORT_MAX_AGE
from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile, remove_assignment
from fleet.services.errors import Conflict, Invalid, NotFound, StaleVersion
from fleet.services.judge_overdue import judge_overdue
from fleet.services.load_profiles import load_profiles
from fleet.services.profile_files import ProfileFileError
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    Assignment,
    AuditEntry,
    Configuration,
    OutboxMessage,
    Transition,
)
from fleet.wire.digest import document_sha256
from fleet.wire.messages import Desired
from tests.support.hospital import NOON, PROFILES, build_hospital, say, seconds


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


def configuration(place: int = 0) -> Configuration:
    db.session.rollback()
    rows = db.session.scalars(select(Configuration).order_by(Configuration.device_pk)).all()
    return rows[place]


def desired(device_id: str = "cart-001") -> Desired:
    """What the outbox has for the device."""
    db.session.rollback()
    topic = f"fleet/v1/down/{device_id}/desired"
    row = db.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == topic)).one()
    assert row.retain
    return msgspec.json.decode(row.payload, type=Desired)


def report(seq: int, at: Any = NOON, **changed: Any) -> None:
    """The device says that it has applied what it was sent last, but for `changed`."""
    wanted = desired()
    items = {f"settings.{key}": value for key, value in wanted.document.settings.items()}
    items |= {f"apps.{app.name}": app.version for app in wanted.document.apps}
    items |= {"firmware": "4.1.0", "reporting_interval_s": wanted.document.reporting_interval_s}
    items |= {path.replace("__", "."): value for path, value in changed.items()}
    body = {
        "v": 1,
        "boot": 1,
        "seq": seq,
        "generation": wanted.generation,
        "sha256": wanted.sha256,
        "applied_at": at.isoformat(),
        "items": [{"path": path, "value": value} for path, value in items.items()],
    }
    say("reported", body, at)


def compliance_history() -> list[str | None]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(Transition.new)
            .where(Transition.aspect == "compliance", Transition.device_pk == 1)
            .order_by(Transition.id)
        )
    )


def test_an_assigned_profile_goes_to_every_device_of_its_kind_with_its_fingerprint() -> None:
    message = desired()
    assert message.generation == 1
    assert (message.profile.slug, message.profile.version) == ("medication-cart", 1)
    assert message.sha256 == document_sha256(message.document)
    assert desired("cart-002").sha256 == message.sha256
    assert configuration().compliance == "pending"


def test_a_device_that_reports_what_it_should_have_is_compliant() -> None:
    report(1)
    assert configuration().compliance == "compliant"


def test_an_old_report_turns_into_unknown_when_its_time_is_over() -> None:
    report(1)
    assert judge_overdue(NOON + REPORT_MAX_AGE - seconds(1)) == 1  # cart-002 has never reported
    assert configuration().compliance == "compliant"
    judge_overdue(NOON + REPORT_MAX_AGE)
    assert configuration().compliance == "unknown"


def test_a_device_that_drifts_is_put_right_and_the_drift_stays_in_its_history() -> None:
    report(1)
    report(2, NOON + seconds(60), settings__screen_timeout_s=5)
    assert desired().generation == 2
    assert configuration().compliance == "pending"
    report(3, NOON + seconds(61))
    assert configuration().compliance == "compliant"
    assert compliance_history() == ["pending", "compliant", "drifted", "pending", "compliant"]


def test_a_device_that_is_changed_again_and_again_is_not_fought_every_second() -> None:
    report(1)
    for step in range(2, 6):
        report(2 * step, NOON + seconds(step), settings__screen_timeout_s=5)
        report(2 * step + 1, NOON + seconds(step))
    assert configuration().repairs == 1


def test_a_late_report_never_replaces_a_newer_one() -> None:
    report(5)
    report(4, NOON + seconds(1), settings__screen_timeout_s=5)
    assert configuration().compliance == "compliant"


def test_a_device_that_missed_a_generation_hears_it_again() -> None:
    report(1)
    with_old = {"v": 1, "boot": 1, "seq": 2, "generation": 0, "sha256": "", "items": []}
    db.session.query(OutboxMessage).delete()
    db.session.commit()
    say("reported", with_old, NOON + seconds(5))
    assert desired().generation == 1


def test_the_same_file_makes_no_new_version_and_a_changed_one_does(tmp_path: Path) -> None:
    source = PROFILES / "medication-cart.yaml"
    assert [(x.number, x.is_new) for x in load_profiles([source], "test", NOON)] == [(1, False)]
    changed = tmp_path / "changed.yaml"
    changed.write_text(source.read_text().replace("screen_timeout_s: 300", "screen_timeout_s: 60"))
    assert [(x.number, x.is_new) for x in load_profiles([changed], "test", NOON)] == [(2, True)]
    assert desired().document.settings["screen_timeout_s"] == 300


def second_version(tmp_path: Path) -> None:
    text = (PROFILES / "medication-cart.yaml").read_text()
    (tmp_path / "two.yaml").write_text(text.replace("auto_lock_s: 120", "auto_lock_s: 30"))
    load_profiles([tmp_path / "two.yaml"], "test", NOON)


def test_the_most_specific_assignment_reaches_the_device_and_its_end_gives_way(
    tmp_path: Path,
) -> None:
    second_version(tmp_path)
    assignment = assign_profile("medication-cart", 2, Scope.DEVICE, "cart-001", "test", NOON)
    assert desired().document.settings["auto_lock_s"] == 30
    assert desired("cart-002").generation == 1
    remove_assignment(assignment, "test", NOON)
    assert desired().document.settings["auto_lock_s"] == 120
    assert desired().generation == 3


def test_two_profiles_for_the_same_carts_in_one_place_are_a_conflict() -> None:
    load_profiles([PROFILES / "medication-cart-icu.yaml"], "test", NOON)
    with pytest.raises(Conflict, match="medication-cart is assigned"):
        assign_profile("medication-cart-icu", 1, Scope.SITE, "lindenhof", "test", NOON)


@pytest.mark.parametrize(
    ("scope", "key"), [("ward", "ward-9z"), ("site", ""), ("device", "cart-999"), ("floor", "3")]
)
def test_an_assignment_to_what_does_not_exist_is_refused(scope: str, key: str) -> None:
    with pytest.raises(Invalid):
        assign_profile("medication-cart", 1, scope, key, "test", NOON)


def test_an_assignment_that_somebody_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    second_version(tmp_path)
    one = db.session.scalars(select(Assignment)).one()
    pk, version = one.id, one.version
    assign_profile("medication-cart", 2, Scope.SITE, "lindenhof", "ada", NOON, version)
    with pytest.raises(StaleVersion):
        remove_assignment(pk, "bob", NOON, version)
    with pytest.raises(NotFound):
        remove_assignment(pk + 1, "bob", NOON)


def test_every_change_says_who_did_it_in_the_audit(tmp_path: Path) -> None:
    second_version(tmp_path)
    assign_profile("medication-cart", 2, Scope.SITE, "lindenhof", "user:ada", NOON)
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.actor, entry.action) == ("user:ada", "profile.assign")
    assert (entry.before or {})["number"] == 1
    assert (entry.after or {})["number"] == 2


def test_each_error_in_a_profile_file_names_its_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "profile: Bad Slug\n"
        "title: x\n"
        "kinds: [toaster]\n"
        "reporting:\n"
        "  interval_s: 1\n"
        "battery:\n"
        "  NMC:\n"
        "    replace_below_soh_pct: high\n"
        "    clear_above_pct: 10\n"
        "    needs_charging_below_pct: 20\n"
        "colour: blue\n"
        "title: y\n"
    )
    with pytest.raises(ProfileFileError) as error:
        load_profiles([path], "test", NOON)
    found = [line.removeprefix(f"{path}:") for line in error.value.problems]
    for start in ("1: profile:", "3: kinds.0:", "5: reporting.interval_s:", "11: colour:",
                  "8: battery.NMC.replace_below_soh_pct:", "12: title: stands twice"):  # fmt: skip
        assert any(line.startswith(start) for line in found), (start, found)


@pytest.mark.parametrize(
    ("key", "value"),
    [("screen_timeout_s", ".nan"), ("screen_timeout_s", ".inf"), ("screen_timeout_s", "1" * 30),
     ("note", '"a\\tb"'), ("'bad key'", "1")],
)  # fmt: skip
def test_a_setting_that_would_not_survive_the_wire_is_refused(
    tmp_path: Path, key: str, value: str
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(
        "profile: odd\ntitle: x\nkinds: [tablet]\nreporting: {interval_s: 30}\n"
        f"settings:\n  {key}: {value}\n"
    )
    with pytest.raises(ProfileFileError, match=r"odd.yaml:6: settings\."):
        load_profiles([path], "test", NOON)


def test_a_file_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("profile: x\nkinds: [a\n")
    with pytest.raises(ProfileFileError, match=r"broken.yaml:[23]: "):
        load_profiles([path], "test", NOON)


def test_every_standard_profile_loads() -> None:
    loaded = load_profiles([PROFILES], "test", NOON + timedelta(days=1))
    assert {x.slug for x in loaded} == {"medication-cart", "medication-cart-icu", "tablet"}


def test_a_device_that_cannot_do_one_thing_is_still_put_right_in_another() -> None:
    report(1, settings__keyboard_light=None)
    items = [i for i in configuration().reported_items if i["path"] != "settings.keyboard_light"]
    unsupported = {"path": "settings.keyboard_light", "reason": "UNSUPPORTED"}
    body = {"v": 1, "boot": 1, "generation": 1, "sha256": desired().sha256}
    say("reported", {**body, "seq": 2, "items": [*items, unsupported]})
    assert configuration().compliance == "unsupported"
    wrong = [{**i, "value": 5} if i["path"] == "settings.screen_timeout_s" else i for i in items]
    say("reported", {**body, "seq": 3, "items": [*wrong, unsupported]}, NOON + seconds(60))
    assert desired().generation == 2


def test_a_second_drift_within_the_pause_is_put_right_when_the_pause_is_over() -> None:
    report(1)
    report(2, NOON + seconds(60), settings__screen_timeout_s=5)
    report(3, NOON + seconds(61))
    report(4, NOON + seconds(90), settings__screen_timeout_s=5)
    judge_overdue(NOON + seconds(119))
    assert desired().generation == 2
    judge_overdue(NOON + seconds(121))
    assert desired().generation == 3


def test_a_device_back_after_days_has_time_to_apply() -> None:
    back = NOON + timedelta(days=3)
    old = {"v": 1, "boot": 1, "generation": 0, "sha256": "", "items": []}
    say("reported", {**old, "seq": 1}, back)
    assert configuration().compliance == "pending"
    judge_overdue(back + timedelta(minutes=10))
    assert configuration().compliance == "noncompliant"


def test_noncompliance_raises_an_alert_which_silence_does_not_end_and_compliance_does() -> None:
    report(1, settings__screen_timeout_s=5)
    kinds = select(Alert.state).where(Alert.kind == "noncompliant", Alert.device_pk == 1)
    assert db.session.scalars(kinds).all() == ["open"]
    judge_overdue(NOON + timedelta(hours=2))
    db.session.rollback()
    assert db.session.scalars(kinds).all() == ["open"]
    report(2, NOON + timedelta(hours=3))
    db.session.rollback()
    assert db.session.scalars(kinds).all() == ["resolved"]


def test_a_device_ahead_of_the_service_is_followed_unless_it_counts_nonsense() -> None:
    ahead = {"v": 1, "boot": 1, "sha256": "", "items": []}
    say("reported", {**ahead, "seq": 1, "generation": 9})
    assert desired().generation == 10
    say("reported", {**ahead, "seq": 2, "generation": 2**53})
    assert desired().generation == 10


def test_the_same_report_twice_changes_nothing() -> None:
    report(1)
    before = len(compliance_history())
    report(1, NOON + seconds(5), settings__screen_timeout_s=5)
    assert configuration().compliance == "compliant"
    assert len(compliance_history()) == before


def test_a_version_for_other_kinds_does_not_unassign_what_is_assigned(tmp_path: Path) -> None:
    text = (PROFILES / "medication-cart.yaml").read_text()
    path = tmp_path / "tablets.yaml"
    path.write_text(text.replace("kinds: [medication_cart]", "kinds: [tablet]"))
    with pytest.raises(Conflict, match="medication_cart"):
        load_profiles([path], "test", NOON)


def test_a_policy_that_would_flicker_with_its_chemistrys_own_limits_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "flicker.yaml"
    path.write_text(
        "profile: flicker\ntitle: x\nkinds: [tablet]\nreporting: {interval_s: 30}\n"
        "battery:\n  LCO:\n    needs_charging_below_pct: 60\n"
    )
    with pytest.raises(ProfileFileError, match=r"flicker.yaml:6: battery.LCO.clear_above_pct: "):
        load_profiles([path], "test", NOON)
