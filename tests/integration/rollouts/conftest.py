"""Everything here in a hospital of three wards with six carts each, all of them at rest."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.rollouts import Carts


@pytest.fixture
def carts(worker: Flask) -> Iterator[Carts]:
    with worker.app_context():
        made = Carts()
        made.forget_words()
        yield made
