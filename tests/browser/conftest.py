"""What only the browser tests need: the application on a real port."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from flask import Flask

from tests.browser.busy_night import busy_app
from tests.browser.rolling import copy_of, rolling_app
from tests.browser.server import serving
from tests.support.rollouts import Carts


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


@pytest.fixture(scope="module")
def rolled_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Carts]:
    """The folder of a hospital in which much is rolled out, for tests to copy."""
    folder = tmp_path_factory.mktemp("rolling")
    app, carts = rolling_app(folder)
    _close(app)
    return folder, carts


@pytest.fixture
def rolling(rolled_out: tuple[Path, Carts], tmp_path: Path) -> Iterator[tuple[Flask, Carts]]:
    """Such a hospital for one test alone."""
    template, carts = rolled_out
    app = copy_of(template, tmp_path / "copy")
    yield app, deepcopy(carts)
    _close(app)


def _close(app: Flask) -> None:
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose()
