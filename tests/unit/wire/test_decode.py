"""The decoder of the service, on anything that a device or a stranger may send."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.ingest.batch import Batch, Inbound
from fleet.ingest.decode import decode
from fleet.wire.messages import MAX_MESSAGE_BYTES, Telemetry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPIC = "fleet/v1/up/cart-017/telemetry"


def decoded(*payloads: bytes, topic: str = TOPIC) -> Batch:
    inbound = [Inbound(topic, payload, NOW) for payload in payloads]
    batch = Batch(session=None, now=NOW, inbound=inbound)  # type: ignore[arg-type]
    decode(batch)
    return batch


def telemetry(*readings: dict[str, Any], **extra: Any) -> bytes:
    return json.dumps({"v": 1, "boot": 12, "readings": list(readings), **extra}).encode()


def reading(seq: int = 1, **values: Any) -> dict[str, Any]:
    return {"seq": seq, "ts": "2026-11-24T06:15:04Z", **values}


def battery(**values: Any) -> dict[str, Any]:
    return reading(batteries=[{"soc_pct": 71, **values}])


def test_a_reading_as_the_protocol_shows_it_is_understood() -> None:
    batch = decoded(telemetry(battery(current_ma=-3150, temp_c=31.5, status="discharging")))
    (spoken,) = batch.spoken
    assert (spoken.device_id, spoken.channel) == ("cart-017", "telemetry")
    assert isinstance(spoken.message, Telemetry)
    assert spoken.message.readings[0].batteries[0].current_ma == -3150
    assert batch.rejected == []


@pytest.mark.parametrize("soc", ["101", "-1", "true", '"50"', "3.7", "3.0", "NaN", "1e999", "[]"])
def test_a_charge_that_is_not_a_percentage_is_refused_and_never_coerced(soc: str) -> None:
    body = (
        b'{"v":1,"boot":12,"readings":[{"seq":7,"ts":"2026-11-24T06:15:04Z",'
        b'"batteries":[{"soc_pct":' + soc.encode() + b"}]}]}"
    )
    batch = decoded(body)
    assert len(batch.rejected) == 1
    assert batch.rejected[0].device_id == "cart-017"
    if soc != "NaN":  # which is no JSON at all
        assert "soc_pct" in batch.rejected[0].reason


def test_one_bad_reading_of_many_is_refused_alone_and_by_its_number() -> None:
    bad = reading(2, batteries=[{"soc_pct": 101}])
    batch = decoded(telemetry(reading(1), bad, reading(3)))
    (spoken,) = batch.spoken
    assert isinstance(spoken.message, Telemetry)
    assert [r.seq for r in spoken.message.readings] == [1, 3]
    assert [r.seq for r in batch.acks["cart-017", 12].refused] == [2]
    assert "soc_pct" in batch.rejected[0].reason


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b'{"v":1,"boot":1,"readings":[]}', "length >= 1"),
        (b'{"v":2,"boot":1,"readings":[{"seq":1}]}', "$.v"),
        (b'{"v":1,"readings":[{}]}', "boot"),
        (b'{"v":1,"boot":1,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested too deeply"),
        (b"x" * 1_000_000, "size: 1000000 bytes"),
    ],
)
def test_a_message_that_is_wrong_as_a_whole_says_what_is_wrong(payload: bytes, reason: str) -> None:
    batch = decoded(payload)
    assert batch.spoken == []
    assert reason in batch.rejected[0].reason


def test_control_characters_and_halves_of_characters_never_reach_the_database() -> None:
    nul = telemetry(battery(serial="A\x00B"))
    half = telemetry(reading(location={"zone": "?"})).replace(b"?", b"\\ud800")
    batch = decoded(nul, half)
    assert len(batch.rejected) == 2


def test_a_body_that_names_another_device_is_refused() -> None:
    batch = decoded(telemetry(reading(), device_id="cart-018"))
    assert batch.spoken == []
    assert "device_id" in batch.rejected[0].reason


@pytest.mark.parametrize(
    "topic", ["fleet/v1/up/cart-017/nonsense", "fleet/v1/up/CART/birth", "other", "fleet/v1/up/a"]
)
def test_a_topic_that_is_none_of_ours_is_refused(topic: str) -> None:
    batch = decoded(b"{}", topic=topic)
    assert len(batch.rejected) == 1


def test_a_bad_message_does_not_stop_the_next_one() -> None:
    batch = decoded(b"nonsense", telemetry(reading()))
    assert len(batch.rejected) == 1
    assert len(batch.spoken) == 1


def test_the_end_of_time_in_another_zone_is_refused_and_does_not_overflow() -> None:
    batch = decoded(telemetry({"seq": 1, "ts": "9999-12-31T23:59:59-14:00"}))
    assert "range of years" in batch.rejected[0].reason


def test_times_are_understood_in_utc() -> None:
    batch = decoded(telemetry({"seq": 1, "ts": "2026-11-24T08:15:04+02:00"}))
    message = batch.spoken[0].message
    assert isinstance(message, Telemetry)
    assert message.readings[0].ts == datetime(2026, 11, 24, 6, 15, 4, tzinfo=UTC)
    assert message.readings[0].ts.tzinfo is UTC


def test_the_largest_message_allowed_holds_a_thousand_ordinary_readings() -> None:
    full = battery(
        serial="LFP-20931", voltage_mv=25610, current_ma=-3150, temp_c=31.5, cycle_count=412,
        remaining_mah=27900, full_charge_mah=37100, design_mah=40000, status="discharging",
        health="good", power_source="none",
    )  # fmt: skip
    payload = telemetry(*[full | {"seq": n} for n in range(1_000)])
    assert len(payload) < MAX_MESSAGE_BYTES
    assert decoded(payload).rejected == []


@given(st.binary(max_size=400))
def test_no_bytes_whatever_stop_the_decoder(payload: bytes) -> None:
    batch = decoded(payload)
    assert len(batch.spoken) + len(batch.rejected) >= 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["soc_pct", "serial", "voltage_mv", "status", "temp_c", "slot", "health"]),
        json_values,
    )
)
def test_a_battery_of_any_values_is_either_understood_or_refused(values: dict[str, Any]) -> None:
    batch = decoded(telemetry(reading(batteries=[values])))
    understood = [
        r for s in batch.spoken if isinstance(s.message, Telemetry) for r in s.message.readings
    ]
    assert len(understood) + len(batch.rejected) == 1
    for one in understood:
        charge = one.batteries[0].soc_pct
        assert charge is None or (type(charge) is int and 0 <= charge <= 100)
