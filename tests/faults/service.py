"""The service as its processes: `fleet ingest` and `fleet schedule`, to be killed and frozen."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.processes import ROOT, start, stop
from tests.support.waiting import wait_until

Process = subprocess.Popen[bytes]
MOST_MB = 200
"""What one ingest may take, whatever waits for it: the rest is for its broker and the devices."""


class Service:
    """Starts processes of the service over one database and one broker, and leaves none behind."""

    def __init__(self, folder: Path, database_url: str, mqtt_url: str) -> None:
        ours = {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_MQTT_URL": mqtt_url,
            "FLEET_DATA_DIR": str(folder / "data"),
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")}
        self._folder = folder
        self._environ = kept | ours
        self._processes: list[Process] = []

    def ingest(self) -> Process:
        return self._start("ingest.log", "fleet.cli", "ingest")

    def schedule(self, instance: str | None = None) -> Process:
        named = {"FLEET_INSTANCE": instance} if instance else {}
        return self._start("schedule.log", "fleet.cli", "schedule", **named)

    def web(self, port: int) -> Process:
        return self._start("web.log", "fleet.cli", "web", FLEET_HTTP_PORT=str(port))

    def doomed_ingest(self, step: str, nth: int = 1, how: int = signal.SIGKILL) -> Process:
        """An ingest that is killed (or stopped) when it reaches this step for the nth time."""
        how_it_ends = (step, str(nth), str(int(how)))
        return self._start("ingest.log", "tests.faults.doomed_ingest", *how_it_ends)

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)  # one that is frozen cannot end
            stop(process)

    def stack_traces(self) -> list[str]:
        """Of ingest, which logs one where it meets what it did not expect."""
        log = self._folder / "ingest.log"
        return log.read_text().split("Traceback")[1:] if log.exists() else []

    def last_words(self) -> str:
        log = self._folder / "ingest.log"
        return log.read_text()[-4_000:] if log.exists() else ""

    def _start(self, log: str, module: str, *arguments: str, **environ: str) -> Process:
        command = [sys.executable, "-m", module, *arguments]
        with (self._folder / log).open("ab") as out:
            process = start(command, cwd=ROOT, env=self._environ | environ, stderr=out)
        self._processes.append(process)
        return process


def kill(process: Process) -> None:
    """With its children, as when its machine dies: nothing is finished, and nobody is told."""
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait()


def wait_for_death(process: Process, timeout: float = 60) -> None:
    """Of one that is doomed; it must have died of nothing else."""
    wait_until(lambda: process.poll() is not None, timeout, what="the doomed ingest to die")
    assert process.returncode == -signal.SIGKILL


def is_frozen(process: Process) -> bool:
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


def memory_mb(process: Process) -> float:
    return psutil.Process(process.pid).memory_info().rss / 1e6
