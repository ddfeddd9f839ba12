"""Marks for tests that ask for one database, or for both, by name."""

import pytest

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the database makes no difference."""
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
