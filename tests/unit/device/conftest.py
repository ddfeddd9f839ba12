from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.device.bench import Bench, bench_at


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_at(tmp_path / "journal") as bench:
        yield bench
