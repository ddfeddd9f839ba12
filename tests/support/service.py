"""The whole service as its operator has it: `fleet up`, its processes, its pages."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

from fleet.config import Settings
from tests.support.processes import free_port, start, stop
from tests.support.waiting import wait_until


class Service:
    """One that runs; `settings` are those of its processes."""

    def __init__(self, process: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
        self.settings, self.log = settings, log
        self._process = process

    def get(self, path: str) -> str:
        """The page; empty while there is none."""
        with suppress(HTTPError, OSError):
            url = f"http://127.0.0.1:{self.settings.http_port}{path}"
            with urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        return ""

    def peak_mb(self) -> dict[str, int]:
        """The most memory that each process has had, in MB; of web the largest of its workers."""
        peaks: dict[str, int] = {}
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with suppress(psutil.Error):
                name = _name(process.cmdline())
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak_kb = int(status.partition("VmHWM:")[2].split()[0])
                peaks[name] = max(peaks.get(name, 0), peak_kb // 1024)
        return peaks


def _name(command: list[str]) -> str:
    names = ("ingest", "schedule", "web", "mosquitto")
    return next((n for n in names if any(n in part for part in command)), command[0])


@contextmanager
def service_up(
    folder: Path, database_url: str | None = None, mqtt_url: str | None = None
) -> Iterator[Service]:
    """`fleet up` in this folder, until the end of the block; with a broker of its own, or this."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")}
    environ |= {
        "FLEET_DATA_DIR": str(folder / "data"),
        "FLEET_HTTP_PORT": str(free_port()),
        "FLEET_MQTT_PORT": str(free_port()),
        "FLEET_EST_PORT": str(free_port()),
    }
    if mqtt_url:
        environ["FLEET_MQTT_URL"] = mqtt_url
    if database_url:
        environ["FLEET_DATABASE_URL"] = database_url
    log = folder / "service.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "fleet.cli", "up"]
        process = start(command, env=environ, stdout=out, stderr=out)
    service = Service(process, Settings.from_env(environ), log)
    try:
        wait_until(
            lambda: process.poll() is not None or '"ready":true' in service.get("/readyz"),
            timeout=60,
            interval=0.2,
            what="the service to be ready",
        )
        assert process.poll() is None, log.read_text()
        yield service
    finally:
        process.send_signal(signal.SIGINT)
        stop(process, timeout=30)
