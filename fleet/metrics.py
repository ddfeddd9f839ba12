"""What this process counts. Its heartbeat row carries it to whoever serves `/metrics`.

Each room declares its metrics beside what they measure, in REGISTRY: so a process has those of the
rooms that it uses. Names follow https://prometheus.io/docs/practices/naming/: base units, in the
name. A label takes few values, known when the code is written: never a device, a ward or a path.
"""

import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

log = logging.getLogger(__name__)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
_disk_free = Gauge(
    "wardfleet_disk_free_bytes", "Free space where the data directory is.", registry=REGISTRY
)
_disk_size = Gauge(
    "wardfleet_disk_size_bytes", "Size of the disk where the data directory is.", registry=REGISTRY
)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Family(TypedDict):
    """One metric with all its samples (name, labels, value), as JSON has it."""

    name: str
    help: str
    type: str
    samples: list[tuple[str, dict[str, str], float]]


def snapshot() -> list[Family]:
    """What this process has counted so far."""
    return [
        {
            "name": metric.name,
            "help": metric.documentation,
            "type": metric.type,
            # When a series was made, Prometheus sees for itself.
            "samples": [
                (sample.name, sample.labels, sample.value)
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ],
        }
        for metric in REGISTRY.collect()
        if metric.samples
    ]


def measure_disk(folder: Path) -> None:
    try:
        disk = shutil.disk_usage(folder)
    except OSError as error:
        log.warning("%s: %s", folder, error)
        return
    _disk_free.set(disk.free)
    _disk_size.set(disk.total)


def values(families: Iterable[Family], sample: str) -> dict[tuple[tuple[str, str], ...], float]:
    """What one sample's name has in a snapshot, by its labels."""
    return {
        tuple(labels.items()): value
        for family in families
        for name, labels, value in family["samples"]
        if name == sample
    }


def merged(snapshots: Iterable[tuple[Mapping[str, str], Sequence[Family]]]) -> list[Metric]:
    """The snapshots of several processes as one, each sample with its process's own labels."""
    found: dict[str, Metric] = {}
    for labels, families in snapshots:
        for family in families:
            name = family["name"]
            metric = found.setdefault(name, Metric(name, family["help"], family["type"]))
            for sample, own, value in family["samples"]:
                metric.add_sample(sample, {**own, **labels}, value)
    return list(found.values())


def exposition(metrics: Iterable[Metric]) -> bytes:
    """In Prometheus's text format, version 0.0.4, which every scraper reads."""
    registry = CollectorRegistry()
    registry.register(_Given(metrics))
    return generate_latest(registry)


class _Given:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics
