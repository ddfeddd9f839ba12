"""What processes count, brought together as one page for Prometheus."""

import json
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from fleet import metrics
from fleet.ingest import metrics as ingest
from fleet.ingest.batch import Inbound, Rejected
from tests.support.hospital import NOON, seconds


def value(name: str, **labels: str) -> float:
    found = metrics.values(metrics.snapshot(), name)
    return found.get(tuple(labels.items()), 0)


def test_a_snapshot_survives_its_way_through_json_and_is_read_by_prometheus() -> None:
    ingest.committed(messages=7, seconds=0.02)
    kept = json.loads(json.dumps(metrics.snapshot()))
    both = [({"process": "ingest", "worker": name}, kept) for name in ("a", "b")]
    text = metrics.exposition(metrics.merged(both)).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    messages = families["wardfleet_ingest_messages"]
    assert messages.type == "counter"
    assert {sample.labels["worker"] for sample in messages.samples} == {"a", "b"}
    assert families["wardfleet_ingest_batch_seconds"].type == "histogram"
    assert text.count("# TYPE wardfleet_ingest_messages_total counter") == 1
    assert "_created" not in text


def test_names_end_in_their_unit() -> None:
    """https://prometheus.io/docs/practices/naming/"""
    ends = ("_total", "_seconds", "_bytes", "_messages", "_fds")
    for family in metrics.snapshot():
        shown = family["name"] + ("_total" if family["type"] == "counter" else "")
        assert shown.endswith(ends), shown
        assert shown.startswith(("wardfleet_", "process_"))
        assert family["help"].endswith(".")


def test_a_batch_is_counted_with_its_size_and_its_time() -> None:
    before = [value(f"wardfleet_ingest_{name}") for name in COUNTED]
    ingest.committed(messages=250, seconds=0.03)
    after = [value(f"wardfleet_ingest_{name}") for name in COUNTED]
    difference = [round(late - early, 6) for early, late in zip(before, after, strict=True)]
    assert difference == [250, 1, 0.03, 250]


COUNTED = ("messages_total", "batch_seconds_count", "batch_seconds_sum", "batch_messages_sum")


def test_what_is_set_aside_is_counted_by_a_few_words_whatever_the_reason_says() -> None:
    heard = Inbound("fleet/v1/up/cart-1/telemetry", b"x", NOON)
    name = "wardfleet_ingest_quarantined_total"
    before = value(name, reason="not_understood")
    ingest.quarantined([Rejected(heard, f"$.readings[{n}]: not a number") for n in range(3)])
    assert value(name, reason="not_understood") == before + 3


def test_lag_is_what_was_heard_last_and_unknown_after_a_while() -> None:
    lag = ingest.Lag()
    assert lag.now() is None
    lag.heard(seconds(90))
    assert lag.now() == seconds(90)
    assert value("wardfleet_ingest_lag_seconds") == 90
    lag.heard(seconds(-3))  # clocks a little apart
    assert lag.now() == seconds(0)
    lag.KNOWN_FOR_S = 0.0
    assert lag.now() is None


def test_the_disk_is_measured_and_one_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    metrics.measure_disk(tmp_path)
    size = value("wardfleet_disk_size_bytes")
    assert 0 < value("wardfleet_disk_free_bytes") <= size
    metrics.measure_disk(tmp_path / "gone")
    assert value("wardfleet_disk_size_bytes") == size


def test_counting_a_batch_costs_next_to_nothing() -> None:
    """A batch of 1,000 messages takes tens of milliseconds; its counting, microseconds."""
    heard = Inbound("fleet/v1/up/cart-1/telemetry", b"x", NOON)
    rejected = [Rejected(heard, "bad")] * 3
    quickest = min(_counted(rejected) for _ in range(200))
    assert quickest < 0.001


def _counted(rejected: list[Rejected]) -> float:
    began = time.perf_counter()
    ingest.committed(1_000, 0.04)
    ingest.quarantined(rejected)
    return time.perf_counter() - began
