"""Faults at random for as long as one likes: `make soak`, with SOAK=2h, SEED=7, DATABASE=sqlite.

Ingest and schedule serve two thousand devices while one fault follows another. Each minute a line
says what there is, and a tenth of the devices is held against the database; at the end everything
is drained, and all of them are. The exit status is 1 where anything was wrong.
"""

import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random, SystemRandom

from sqlalchemy import make_url

from fleet.store.migrate import upgrade
from tests.faults.checker import Verdict, check, promised
from tests.faults.crowd import device_ids, register_devices
from tests.faults.doomed_ingest import STEPS
from tests.faults.generator import Population, publish
from tests.faults.service import MOST_MB, Process, Service, is_frozen, kill, memory_mb
from tests.faults.test_15_poison import POISON
from tests.support.broker import Broker
from tests.support.postgres import DURABLE, Cluster, private_cluster

DEVICES = 2_000
SLICES = 10
PACE_S = 4.0
INGESTS = int(os.environ.get("INGESTS", "2"))
LONGEST_OUTAGE_S = 30 * 60
DRAINED_WITHIN_S = 600
UNITS = {"s": 1, "m": 60, "h": 3_600}


class Soak:
    """The service under its population, and what happens to it."""

    def __init__(
        self, broker: Broker, database_url: str, cluster: Cluster | None, seed: int, folder: Path
    ) -> None:
        self._broker, self._url, self._cluster = broker, database_url, cluster
        self._rng = Random(seed)
        self._service = Service(folder, database_url, broker.url)
        *names, self._broken = sorted(device_ids(DEVICES))
        self._slices = [names[n * DEVICES // SLICES :][: DEVICES // SLICES] for n in range(SLICES)]
        self._population = Population(broker.url, names, seed=seed, pace_s=PACE_S)
        self._ingests: list[Process] = []
        self._schedule = self._service.schedule()
        self._happened: Counter[str] = Counter()
        self._wrong: list[str] = []

    def run(self, duration_s: float) -> Verdict:
        began = time.monotonic()
        line_due = began + 60
        with self._population:
            while time.monotonic() < began + duration_s:
                self._supervise()
                self._let_happen(self._rng.choice(list(self._faults(duration_s / 4).items())))
                time.sleep(self._rng.uniform(0, 5))
                if time.monotonic() >= line_due:
                    self._report(time.monotonic() - began)
                    line_due += 60
            return self._finish()

    def close(self) -> None:
        self._service.close()

    # --- What happens -------------------------------------------------------------------------

    def _faults(self, longest_s: float) -> dict[str, Callable[[], object]]:
        rng, broker = self._rng, self._broker
        away_s = min(rng.paretovariate(0.7), LONGEST_OUTAGE_S, longest_s)
        faults: dict[str, Callable[[], object]] = {
            "nothing": lambda: time.sleep(rng.uniform(1, 10)),
            "ingest killed": lambda: kill(rng.choice(self._ingests)),
            "ingest frozen": lambda: rng.choice(self._ingests).send_signal(signal.SIGSTOP),
            "schedule killed": lambda: kill(self._schedule),
            "broker killed": lambda: self._without(broker.kill, broker.start, rng.choice([0, 3])),
            "broker stopped": lambda: self._without(broker.stop, broker.start, rng.choice([0, 3])),
            "poison": lambda: self._poison(retain=False),
            "poison retained": lambda: self._poison(retain=True),
            "database away": lambda: self._lock_database(away_s),
        }
        if (cluster := self._cluster) is not None:
            faults["database away"] = lambda: self._without(cluster.stop, cluster.start, away_s)
            faults["database crashed"] = lambda: self._without(cluster.crash, cluster.start, 0)
        return faults

    def _let_happen(self, fault: tuple[str, Callable[[], object]]) -> None:
        name, happen = fault
        self._happened[name] += 1
        happen()

    def _without(self, end: Callable[[], None], begin: Callable[[], None], away_s: float) -> None:
        end()
        time.sleep(away_s)
        begin()

    def _lock_database(self, away_s: float) -> None:
        path = make_url(self._url).database or ""
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            with suppress(sqlite3.OperationalError):  # a frozen ingest has locked it already
                other.execute("BEGIN IMMEDIATE")
            time.sleep(away_s)

    def _poison(self, *, retain: bool) -> None:
        for payload, _, _ in POISON.values():
            topic = f"fleet/v1/up/{self._broken}/telemetry"
            publish(self._broker.url, topic, payload, retain=retain)

    def _supervise(self) -> None:
        """Start what ended, and wake what is frozen. Every second ingest ends at a step of ours."""
        self._ingests = [process for process in self._ingests if process.poll() is None]
        for process in self._ingests:
            if is_frozen(process) and self._rng.random() < 0.3:
                process.send_signal(signal.SIGCONT)
        while len(self._ingests) < INGESTS:
            start = self._rng.choice([self._service.ingest, self._doomed_ingest])
            self._ingests.append(start())
        if self._schedule.poll() is not None:
            self._schedule = self._service.schedule()

    def _doomed_ingest(self) -> Process:
        step = self._rng.choice(STEPS)
        how = self._rng.choice([signal.SIGKILL, signal.SIGSTOP])
        self._happened[f"{how.name} at: {step}"] += 1
        return self._service.doomed_ingest(step, self._rng.randint(1, 100), how)

    # --- What is said of it -------------------------------------------------------------------

    def _report(self, elapsed_s: float) -> None:
        names = self._rng.choice(self._slices)
        verdict = self._check(names)
        memory = [memory_mb(process) for process in self._ingests if process.poll() is None]
        if max(memory, default=0) > MOST_MB:
            self._wrong.append(f"an ingest holds {max(memory):.0f} MB")
        print(
            f"{elapsed_s / 60:.0f} min: {self._population.measured} readings, "
            f"{self._population.kept} to be acked; {sum(self._happened.values())} faults; "
            f"ingest {max(memory, default=0):.0f} MB; {len(names)} devices: {verdict}",
            flush=True,
        )

    def _finish(self) -> Verdict:
        for process in self._ingests:
            kill(process)
        self._ingests = [self._service.ingest() for _ in range(INGESTS)]
        self._population.drain(DRAINED_WITHIN_S)
        verdict = self._check(sorted(self._population.devices))
        verdict.wrong += [*dict.fromkeys(self._wrong), *self._population.complaints]
        verdict.wrong += self._service.stack_traces()
        print(", ".join(f"{name} {times}" for name, times in sorted(self._happened.items())))
        return verdict

    def _check(self, names: list[str]) -> Verdict:
        devices = {name: self._population.devices[name] for name in names}
        with self._population.lock:
            before = promised(devices.values())
        verdict = check(self._url, devices, before)
        self._wrong += verdict.wrong
        return verdict


@contextmanager
def databases(folder: Path, kind: str) -> Iterator[tuple[str, Cluster | None]]:
    """A fresh database with all devices in it, and the server to break, where there is one."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'soak.sqlite'}"
        upgrade(url)
        register_devices(url, folder, DEVICES)
        yield url, None
        return
    with private_cluster(**DURABLE) as cluster:
        url = cluster.create("soak")
        upgrade(url)
        register_devices(url, folder, DEVICES)
        yield url, cluster


def main() -> int:
    span = os.environ.get("SOAK", "10m")
    seed = int(os.environ.get("SEED") or SystemRandom().randrange(10**6))
    kind = os.environ.get("DATABASE", "postgresql")
    repeat = f"SOAK={span} SEED={seed} DATABASE={kind}"
    print(repeat, flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        broker.start()
        with databases(folder, kind) as (url, cluster):
            soak = Soak(broker, url, cluster, seed, folder)
            try:
                verdict = soak.run(float(span[:-1]) * UNITS[span[-1]])
            finally:
                soak.close()
                broker.stop()
    print(verdict)
    if verdict.wrong:
        print(f"The promise was broken. Repeat with: make soak {repeat}")
    return bool(verdict.wrong)


if __name__ == "__main__":
    sys.exit(main())
