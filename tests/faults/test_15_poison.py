"""Fault 15: messages that would break a careless reader. Each is set aside with its reason and
acked, and the next message is recorded."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.ingest.pipeline import process
from fleet.store.database import db
from fleet.store.models import QuarantinedMessage, Reading
from tests.faults.conftest import Stage
from tests.faults.generator import Line
from tests.support.hospital import NOON, build_hospital, message, reading, telemetry
from tests.support.waiting import wait_until

GOOD = json.dumps(telemetry(reading(2, at=NOON))).encode()


def bad(text: str) -> bytes:
    """Reading 1, with `text` where its Wi-Fi strength stands."""
    body = json.dumps(telemetry({"seq": 1, "ts": NOON.isoformat(), "system": {"wifi_rssi_dbm": 0}}))
    return body.replace('"wifi_rssi_dbm": 0', text).encode("utf-8", "surrogateescape")


# What is sent, a part of the reason that IT reads, and whether reading 1 can be refused by number:
# where the message is no JSON at all, nobody can tell what was in it.
POISON = {
    "NaN": (bad('"wifi_rssi_dbm": NaN'), "malformed", False),
    "infinity": (bad('"wifi_rssi_dbm": -Infinity'), "malformed", False),
    "out of range": (bad('"wifi_rssi_dbm": 1e999'), "wifi_rssi_dbm", True),
    "NUL": (bad('"os": "A\\u0000B"'), "os", True),
    "lone surrogate": (bad('"os": "\\ud800"'), "", False),
    "duplicate key": (bad('"wifi_rssi_dbm": -60, "wifi_rssi_dbm": -61'), "given twice", True),
    "duplicate boot": (GOOD.replace(b'"boot": 1', b'"boot": 1, "boot": 2'), "given twice", False),
    "deep nesting": (bad('"x": ' + "[" * 50_000 + "]" * 50_000), "nested too deeply", False),
    "deep objects": (bad('"x": ' + '{"a":' * 20_000 + "1" + "}" * 20_000), "nested", False),
    "bad UTF-8": (bad('"os": "\udcff"'), "UTF-8", True),
    "overlong UTF-8": (bad('"os": "\udcc0\udc80"'), "UTF-8", True),
    "cut off": (GOOD[:-20], "truncated", False),
    "nothing": (b"", "truncated", False),
    "two of them": (GOOD + GOOD, "trailing", False),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "malformed", False),
    "UTF-16": (GOOD.decode().encode("utf-16"), "malformed", False),
}
poison = pytest.mark.parametrize(
    ("payload", "reason", "is_told"), POISON.values(), ids=POISON.keys()
)


class TestInTheDatabase:
    @pytest.fixture(autouse=True)
    def hospital(self, worker: Flask) -> Iterator[None]:
        with worker.app_context():
            build_hospital()
            yield

    @poison
    def test_it_is_set_aside_and_its_neighbours_in_the_batch_are_recorded(
        self, payload: bytes, reason: str, is_told: bool
    ) -> None:
        batch = [
            message("telemetry", body, NOON, cart)
            for cart, body in (("cart-002", GOOD), ("cart-001", payload), ("cart-001", GOOD))
        ]
        acks = process(batch, NOON)
        db.session.rollback()
        [aside] = db.session.scalars(select(QuarantinedMessage)).all()
        assert aside.device_id == "cart-001"
        assert reason in aside.reason
        assert aside.payload_start == payload[: len(aside.payload_start)] or is_told
        assert set(db.session.scalars(select(Reading.seq))) == {2}
        assert db.session.scalar(select(func.count()).select_from(Reading)) == 2
        assert acks["cart-001", 1].seqs == acks["cart-002", 1].seqs == {2}
        assert [refusal.seq for refusal in acks["cart-001", 1].refused] == [1] * is_told


@pytest.mark.suite_on("sqlite")
def test_poison_from_the_broker_is_acked_and_does_not_come_again(stage: Stage) -> None:
    ingest = stage.service.ingest()
    acked: set[str] = set()
    line = Line(stage.broker.url, lambda topic, _payload: acked.add(topic.split("/")[3]))

    def say(cart: str, payload: bytes) -> bool:
        line.publish(f"fleet/v1/up/{cart}/telemetry", payload)
        line.turn()
        return cart in acked

    first, *carts = stage.devices[-len(POISON) - 1 :]
    line.wait_until(lambda: line.is_ready)
    wait_until(lambda: say(first, GOOD), timeout=60, interval=0.2, what="ingest to be there")
    for cart, (payload, _, _) in zip(carts, POISON.values(), strict=True):
        say(cart, payload)
        say(cart, GOOD)
    line.wait_until(lambda: acked == {first, *carts})
    line.close()
    assert stage.service.stack_traces() == []
    aside = quarantined(stage)
    assert aside == len(POISON)
    ingest.terminate()
    ingest.wait(30)
    stage.service.ingest()
    with stage.population(10) as devices:
        devices.acks_more(20)
        stage.verify(devices)
    assert quarantined(stage) == aside


def quarantined(stage: Stage) -> int:
    with stage.app.app_context():
        query = select(func.count()).select_from(QuarantinedMessage)
        return db.session.scalar(query) or 0
