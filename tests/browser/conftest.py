"""What only the browser tests need: the application on a real port."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.browser.busy_night import busy_app
from tests.browser.server import serving


@pytest.fixture(scope="module")
def busy_night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hospital on a busy night."""
    app = busy_app(tmp_path_factory.mktemp("night"))
    with serving(app) as address:
        yield address
    _close(app)


@pytest.fixture
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The same for one test alone, to be changed and served as it likes."""
    app = busy_app(tmp_path_factory.mktemp("night"))
    yield app
    _close(app)


def _close(app: Flask) -> None:
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose()
