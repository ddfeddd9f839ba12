from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.elsewhere import Elsewhere, threads_of


@pytest.fixture
def elsewhere(worker: Flask) -> Iterator[Elsewhere]:
    """Runs work in another thread, with a session of its own."""
    with threads_of(worker) as run:
        yield run
