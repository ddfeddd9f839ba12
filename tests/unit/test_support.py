"""What the other tests stand on."""

import itertools
import subprocess
import sys

import pytest

from tests.support.processes import ROOT, answers, free_port, start, stop
from tests.support.waiting import wait_until


def test_waiting_ends_with_the_first_truthy_value() -> None:
    numbers = itertools.chain([0, 0], itertools.repeat(7))
    assert wait_until(lambda: next(numbers), interval=0.001) == 7


def test_waiting_in_vain_names_what_never_came() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.01 s for the cart: \[\]"):
        wait_until(list, timeout=0.01, what="the cart")
    cart = None
    with pytest.raises(AssertionError, match="cart is not None"):
        wait_until(lambda: cart is not None, timeout=0.01)


def test_free_ports_are_all_different_and_nobody_answers() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert not any(map(answers, ports))


def test_a_started_process_dies_with_the_one_that_started_it() -> None:
    parent = (
        "import os; from subprocess import PIPE; from tests.support.processes import start;"
        "child = start(['bash', '-c', 'echo $$; exec sleep 60'], stdout=PIPE);"
        "os.write(1, child.stdout.readline()); os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", parent], cwd=ROOT, capture_output=True, text=True, check=False
    )
    child = int(done.stdout)
    wait_until(lambda: not _is_alive(child), what="the orphan to die")


def test_stop_insists_where_a_process_does_not_listen() -> None:
    deaf = start(["bash", "-c", "trap '' TERM; echo; while :; do :; done"], stdout=subprocess.PIPE)
    assert deaf.stdout
    deaf.stdout.readline()
    stop(deaf, timeout=0.1)
    deaf.stdout.close()
    assert deaf.returncode == -9


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
