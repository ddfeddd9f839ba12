"""A small hospital."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.hospital import build_hospital


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield
