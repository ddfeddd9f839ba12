"""Desired in, reported out: the device applies, reads back, and says what it has."""

import pytest

from fleet.device.configuration import INTERVAL_S as ALLOWED_INTERVALS
from fleet.wire.messages import Reported
from tests.unit.device.bench import INTERVAL_S, Bench, desired


def test_before_any_profile_the_report_says_so(bench: Bench) -> None:
    bench.connect()
    report = bench.link.said("reported")[0]
    assert (report["generation"], report["sha256"]) == (0, "")
    assert set(bench.reported_items()) == {"firmware", "reporting_interval_s"}


def test_a_desired_state_is_applied_and_reported(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(17, {"screen_timeout_s": 300}, {"emar": "7.2"}))
    assert bench.hardware.settings["screen_timeout_s"] == 300
    report = bench.link.said("reported")[-1]
    assert report["generation"] == 17
    assert report["applied_at"] == "2026-11-24T06:15:00Z"
    assert bench.reported_items() == {
        "settings.screen_timeout_s": {"path": "settings.screen_timeout_s", "value": 300},
        "apps.emar": {"path": "apps.emar", "value": "7.2.1"},
        "firmware": {"path": "firmware", "value": "4.1.0"},
        "reporting_interval_s": {"path": "reporting_interval_s", "value": INTERVAL_S},
    }


def test_reasons_say_why_an_item_is_not_as_desired(bench: Bench) -> None:
    bench.hardware.refuses = {"screen_timeout_s": "INVALID_VALUE"}
    bench.connect()
    settings = {"screen_timeout_s": -5, "x_ray": True}
    bench.deliver("desired", desired(1, settings, {"emar": "7.10", "scanner": "1.0"}))
    items = bench.reported_items()
    assert items["settings.screen_timeout_s"]["reason"] == "INVALID_VALUE"
    assert items["settings.screen_timeout_s"]["value"] == 60
    assert items["settings.x_ray"] == {"path": "settings.x_ray", "reason": "UNSUPPORTED"}
    assert items["apps.emar"]["reason"] == "APP_NOT_UPDATED"
    assert items["apps.scanner"] == {"path": "apps.scanner", "reason": "APP_NOT_INSTALLED"}


def test_reasons_are_repeated_with_every_report(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(1, {"x_ray": True}))
    bench.wait(1000)
    assert len(bench.link.said("reported")) == 3
    assert bench.reported_items()["settings.x_ray"]["reason"] == "UNSUPPORTED"


def test_a_damaged_document_changes_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.connect()
    bench.deliver("desired", desired(1, {"screen_timeout_s": 300}, sha256="0" * 64))
    assert bench.hardware.applications == []
    assert len(bench.link.said("reported")) == 1
    assert "does not match its fingerprint" in caplog.text


def test_an_older_generation_is_passed_over(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(5, {"screen_timeout_s": 300}))
    bench.deliver("desired", desired(4, {"screen_timeout_s": 10}))
    assert bench.hardware.settings["screen_timeout_s"] == 300
    assert bench.link.said("reported")[-1]["generation"] == 5


def test_the_retained_state_is_not_applied_again_at_each_connection(bench: Bench) -> None:
    bench.connect()
    for _ in range(3):
        bench.deliver("desired", desired(5, {"screen_timeout_s": 300}))
    assert len(bench.hardware.applications) == 1
    assert len(bench.link.said("reported")) == 2


def test_a_message_that_is_no_desired_state_is_passed_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.connect()
    bench.deliver("desired", b'{"generation": 1}')
    bench.deliver("desired", b"")
    assert len(bench.link.said("reported")) == 1
    assert caplog.text.count("desired state cannot be read") == 2


def test_a_setting_changed_on_the_device_is_reported_at_the_next_reading(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(5, {"screen_timeout_s": 300}))
    bench.hardware.settings["screen_timeout_s"] = 7
    bench.wait(INTERVAL_S + 1)
    assert bench.reported_items()["settings.screen_timeout_s"]["value"] == 7
    assert bench.link.said("reported")[-1]["generation"] == 5


def test_drift_is_reported_once_and_not_put_right_by_the_device(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(5, {"screen_timeout_s": 300}))
    bench.hardware.settings["screen_timeout_s"] = 7
    bench.wait(5 * INTERVAL_S)
    assert len(bench.link.said("reported")) == 3
    assert bench.hardware.settings["screen_timeout_s"] == 7


def test_the_next_generation_puts_drift_right(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(5, {"screen_timeout_s": 300}))
    bench.hardware.settings["screen_timeout_s"] = 7
    bench.wait(INTERVAL_S + 1)
    bench.deliver("desired", desired(6, {"screen_timeout_s": 300}))
    assert bench.reported_items()["settings.screen_timeout_s"]["value"] == 300
    assert bench.link.said("reported")[-1]["generation"] == 6


def test_an_app_that_was_updated_is_reported_by_itself(bench: Bench) -> None:
    bench.connect()
    bench.deliver("desired", desired(5, {}, {"emar": "8.0"}))
    bench.hardware.installed["emar"] = "8.0.1"
    bench.wait(INTERVAL_S + 1)
    assert bench.reported_items()["apps.emar"] == {"path": "apps.emar", "value": "8.0.1"}


def test_the_reporting_interval_is_adopted_at_once(bench: Bench) -> None:
    bench.connect()
    bench.wait(INTERVAL_S)
    bench.deliver("desired", desired(5, interval_s=5))
    taken = bench.journal.next_seq()
    bench.wait(50)
    assert bench.journal.next_seq() - taken >= 10
    assert bench.reported_items()["reporting_interval_s"]["value"] == 5


@pytest.mark.parametrize("absurd", [0, -1, ALLOWED_INTERVALS.stop])
def test_an_absurd_reporting_interval_is_refused(bench: Bench, absurd: int) -> None:
    bench.connect()
    bench.deliver("desired", desired(5, interval_s=absurd))
    item = bench.reported_items()["reporting_interval_s"]
    assert (item["value"], item["reason"]) == (INTERVAL_S, "INVALID_VALUE")


def test_apps_that_the_profile_requires_are_measured_too(bench: Bench) -> None:
    bench.connect()
    bench.ack_everything()
    bench.deliver("desired", desired(5, {}, {"scanner": "1.0"}))
    bench.wait(INTERVAL_S + 1)
    assert [app.name for app in bench.telemetry()[-1].readings[-1].apps] == ["scanner"]


def test_every_report_is_one_that_the_service_can_decode(bench: Bench) -> None:
    import msgspec

    bench.connect()
    bench.deliver("desired", desired(5, {"screen_timeout_s": 300, "x_ray": 1.5}, {"emar": "9"}))
    for report in bench.link.said("reported"):
        msgspec.convert(report, Reported)
