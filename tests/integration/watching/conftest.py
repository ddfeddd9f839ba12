"""What watches the service is tested on SQLite, where a test does not ask for both."""

import pytest


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, where a test does not ask for both."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    url: str = request.getfixturevalue(fixture[getattr(request, "param", "sqlite")])
    return url
