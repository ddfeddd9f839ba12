from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.domain.compliance import (
    APPLY_WITHIN,
    REPORT_MAX_AGE,
    Desired,
    Reported,
    judge,
    judge_items,
)
from fleet.domain.words import ComplianceState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DOCUMENT = {
    "settings": {"screen_timeout_s": 300, "usb_storage": False},
    "apps": {"required": [{"name": "emar", "version": "7.2"}]},
    "firmware": {"minimum": "4.1"},
    "reporting": {"interval_s": 15},
}
GOOD: dict[str, Mapping[str, Any]] = {
    "settings.screen_timeout_s": {"value": 300},
    "settings.usb_storage": {"value": False},
    "apps.emar": {"value": "7.2.1"},
    "firmware": {"value": "4.1.0"},
    "reporting_interval_s": {"value": 15},
}
DESIRED = Desired(5, "abc", NOW - timedelta(hours=1), DOCUMENT)


def reported(generation: int = 5, **changed: Mapping[str, Any]) -> Reported:
    items = GOOD | {path.replace("__", "."): item for path, item in changed.items()}
    said = tuple({"path": path, **item} for path, item in items.items())
    return Reported(generation, "abc", NOW - timedelta(minutes=1), said)


def state(desired: Desired | None, report: Reported | None, now: datetime = NOW) -> str:
    return judge(desired, report, now).state


def test_everything_as_desired_is_compliant() -> None:
    assert state(DESIRED, reported()) == "compliant"


def test_a_report_that_is_too_old_is_unknown_and_never_green() -> None:
    report = reported()
    too_old = report.reported_at + REPORT_MAX_AGE
    assert state(DESIRED, report, too_old - timedelta(seconds=1)) == "compliant"
    assert state(DESIRED, report, too_old) == "unknown"
    assert judge(DESIRED, report, NOW).judge_after == too_old


def test_an_older_generation_is_pending_and_then_counts_against_it() -> None:
    fresh = replace(DESIRED, desired_at=NOW)
    assert state(fresh, reported(generation=4)) == "pending"
    assert judge(fresh, reported(generation=4), NOW).judge_after == NOW + APPLY_WITHIN
    assert state(DESIRED, reported(generation=4)) == "noncompliant"


def test_the_right_generation_with_another_content_is_not_compliant() -> None:
    assert state(DESIRED, replace(reported(), sha256="def")) == "noncompliant"


def test_a_wrong_value_is_noncompliant_until_it_was_right_once_and_then_drift() -> None:
    wrong = reported(settings__screen_timeout_s={"value": 5})
    assert state(DESIRED, wrong) == "noncompliant"
    assert state(replace(DESIRED, compliant_generation=5), wrong) == "drifted"
    assert state(replace(DESIRED, compliant_generation=4), wrong) == "noncompliant"


def test_what_a_device_cannot_do_is_unsupported_as_long_as_nothing_else_is_wrong() -> None:
    cannot = {"reason": "UNSUPPORTED"}
    assert state(DESIRED, reported(settings__usb_storage=cannot)) == "unsupported"
    both = reported(settings__usb_storage=cannot, settings__screen_timeout_s={"value": 5})
    assert state(DESIRED, both) == "noncompliant"


def test_a_device_without_a_profile_or_a_word_is_unknown() -> None:
    assert state(None, reported()) == "unknown"
    assert state(DESIRED, None) == "unknown"
    assert state(replace(DESIRED, desired_at=NOW), None) == "pending"


@pytest.mark.parametrize(
    ("path", "said", "reason"),
    [
        ("apps.emar", {}, "APP_NOT_INSTALLED"),
        ("apps.emar", {"value": "7.1.9"}, "APP_NOT_UPDATED"),
        ("settings.screen_timeout_s", {"value": 300, "reason": "INVALID_VALUE"}, None),
        ("settings.screen_timeout_s", {"reason": "INVALID_VALUE"}, "INVALID_VALUE"),
        ("firmware", {"value": "4.0.9"}, "PENDING"),
    ],
)
def test_each_item_says_why_it_is_not_as_desired(
    path: str, said: dict[str, Any], reason: str | None
) -> None:
    items = {i.path: i for i in judge_items(DOCUMENT, [{"path": path, **said}])}
    assert items[path].reason == reason


def test_true_is_not_one() -> None:
    items = judge_items({"settings": {"x": 1}}, [{"path": "settings.x", "value": True}])
    assert items[0].state == ComplianceState.NONCOMPLIANT


def test_what_the_device_claims_beyond_the_profile_is_not_looked_at() -> None:
    items = judge_items(DOCUMENT, [{"path": "compliant", "value": True}])
    assert "compliant" not in {i.path for i in items}
    assert all(i.state == ComplianceState.NONCOMPLIANT for i in items)
