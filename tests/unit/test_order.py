"""The order of tests among workers: nothing is lost, modules stay whole, waits are shared."""

from itertools import pairwise

from tests.support.order import WAITING, spread

ITEMS = [
    (f"tests/{folder}/test_{module}.py", f"{folder}/{module}/{number}")
    for folder, modules in (("broker", 4), ("faults", 8), ("integration", 30), ("unit", 20))
    for module in range(modules)
    for number in range(1 + module % 5)
]


def test_every_test_runs_once_and_those_of_a_module_run_together() -> None:
    ordered = spread(ITEMS, 4)
    assert sorted(ordered) == sorted(test for _, test in ITEMS)
    modules = [test.rpartition("/")[0] for test in ordered]
    changes = sum(before != after for before, after in pairwise(modules))
    assert changes == len(set(modules)) - 1


def test_each_worker_gets_its_share_of_those_that_wait() -> None:
    ordered = spread(ITEMS, 4)
    size = -(-len(ordered) // 4)
    waiting = tuple(path.removeprefix("tests/") for path in WAITING)
    shares = [
        sum(test.startswith(waiting) for test in ordered[begin : begin + size])
        for begin in range(0, len(ordered), size)
    ]
    assert sum(shares) == sum(test.startswith(waiting) for test in ordered)
    assert max(shares) - min(shares) <= 10


def test_a_single_worker_has_them_all() -> None:
    assert sorted(spread(ITEMS, 1)) == sorted(test for _, test in ITEMS)
