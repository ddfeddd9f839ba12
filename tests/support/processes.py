"""Starting real servers for the tests, on free ports, and leaving none behind."""

import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]

# Each worker counts through ports of its own, below the range that outgoing connections take:
# so nobody else grabs a port between the look and the listen, or while a server is down.
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.cycle(range(20000 + _worker % 10 * 1000, 21000 + _worker % 10 * 1000))
for _ in range(os.getpid() % 900):  # two test runs at once start at different places
    next(_ports)


def free_port() -> int:
    for port in itertools.islice(_ports, 1000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(
    command: Sequence[str | Path], *, user: str | None = None, **popen: Any
) -> subprocess.Popen[bytes]:
    """Start a process that dies with this one, however this one dies."""
    guard = ["setpriv", "--pdeathsig", "KILL"]
    if user:
        guard += ["--reuid", user, "--regid", user, "--init-groups"]
    popen.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([*guard, "--", *map(str, command)], **popen)


def stop(process: subprocess.Popen[bytes], timeout: float = 10) -> None:
    """Ask a process to end, and insist where it does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def suspend(process: subprocess.Popen[bytes]) -> None:
    """Stop a process where it is; what it holds is known only once each of its threads stands."""
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: set(_states_of_threads(process.pid)) == {"T"}, timeout=20, interval=0.01)


def _states_of_threads(pid: int) -> list[str]:
    """After the name in brackets, which may have brackets of its own (man 5 proc)."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return [stat.read_text().rpartition(")")[2].split()[0] for stat in stats]


@cache
def ensure_installed(*packages: str) -> None:
    """See that system packages are there. `make test` did so before, a lone pytest may not have."""
    done = subprocess.run(
        [ROOT / ".ci" / "packages", *packages], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
