"""A hospital without anybody in it."""

import pytest
from flask import Flask

from tests.support.api import Hospital


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)
