"""A real Mosquitto, private to the tests that ask for it."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.processes import answers, ensure_installed, free_port, start, stop
from tests.support.waiting import wait_until

# Mosquitto started by root would become another user, and so shed the bond to our death.
CONFIG = """\
user {user}
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
max_packet_size 4194304
sys_interval 0
log_dest stderr
"""


class Broker:
    """Stays on its port through stop, start, restart and kill, as a broker in a hospital does."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options`: more lines of its configuration; of one given twice the last counts."""
        ensure_installed("mosquitto")
        self.folder = folder
        self._options = options
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process, "the broker is not running"
        return self._process.pid

    def start(self) -> None:
        assert self._process is None, "the broker runs already"
        config = self.folder / "mosquitto.conf"
        own = CONFIG.format(port=self.port, user=getpass.getuser())
        config.write_text("\n".join((own, *self._options)))
        path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
        binary = shutil.which("mosquitto", path=path)
        assert binary, "Mosquitto is not installed"
        with self.log.open("ab") as log:
            process = self._process = start([binary, "-c", config], stderr=log)
        wait_until(
            lambda: process.poll() is not None or answers(self.port), what="Mosquitto to listen"
        )
        assert process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        if self._process:
            stop(self._process)
            self._process = None

    def kill(self) -> None:
        """As a power cut would: nothing is said, nothing is kept."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def log(self) -> Path:
        return self.folder / "mosquitto.log"


class ForeignBroker:
    """A broker that somebody else runs (FLEET_TEST_MQTT_URL): it can be used, not stopped."""

    def __init__(self, url: str) -> None:
        self.url = url
