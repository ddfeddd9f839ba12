from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.secured import Secured, secured_broker


@pytest.fixture
def secured(tmp_path: Path, sqlite_url: str) -> Iterator[Secured]:
    """The broker that `fleet up` starts, with its authority."""
    with secured_broker(tmp_path, sqlite_url) as secured:
        yield secured
