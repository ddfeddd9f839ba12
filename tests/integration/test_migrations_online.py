"""Migrations of a table with rows in it, while an ingest of before goes on writing to it."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, func, inspect, select

from tests.support.migrating import (
    READING,
    Writer,
    downgrade,
    engine_for,
    enter_devices,
    row,
    store,
    upgrade,
    writing,
)

DEVICES, EACH = 20, 1_000
STEP = timedelta(minutes=2)
BEGUN = datetime.now(UTC) - EACH * STEP
OLD = [row(device, seq, BEGUN + seq * STEP)
       for seq in range(EACH) for device in range(1, DEVICES + 1)]  # fmt: skip
KEY = [READING.c[name] for name in ("device_pk", "boot", "seq", "slot")]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """At revision 0001, with 20,000 readings of the last days."""
    name = f"online_{tmp_path.name}"[:60].lower()
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/fleet.db")
    else:
        engine = engine_for(request.getfixturevalue("postgres").create(name))
    upgrade(engine, "0001")
    enter_devices(engine, DEVICES)
    with writing(engine) as connection:
        store(connection, OLD)
    yield engine
    engine.dispose()
    if request.param == "postgresql":
        request.getfixturevalue("postgres").drop(name)


def held(engine: Engine) -> tuple[int, int]:
    """How many rows there are, and how many readings they are."""
    readings = select(*KEY).distinct().subquery()
    with engine.connect() as connection:
        return (
            connection.scalar(select(func.count()).select_from(READING)) or 0,
            connection.scalar(select(func.count()).select_from(readings)) or 0,
        )


def the_rest(engine: Engine) -> set[str]:
    """Tables that stand beside those of either revision."""
    return {name for name in inspect(engine).get_table_names() if name.startswith("reading_000")}


def test_ingest_goes_on_through_the_way_up_and_the_way_down_and_nothing_is_lost(
    engine: Engine,
) -> None:
    again = OLD[:: len(OLD) // 20]
    with Writer(engine, again) as writer:
        upgrade(engine, "0002")
        expected = len(OLD) + writer.written
        assert writer.failure is None
        assert held(engine)[0] >= expected
        downgrade(engine, "0001")
    assert writer.failure is None
    assert writer.written > 0
    assert held(engine) == (len(OLD) + writer.written,) * 2
    assert the_rest(engine) == set()


@pytest.mark.parametrize("way", [upgrade, downgrade])
def test_a_migration_that_is_cut_off_goes_on_when_it_is_run_again(
    engine: Engine, way: Callable[[Engine, str], None]
) -> None:
    """The lights go out before its first commit, then before its second, and so on."""
    if way is downgrade:
        upgrade(engine, "0002")
    times = 0
    while _cut_off(engine, way, times):
        times += 1
        with writing(engine) as connection:
            store(connection, OLD[:10])
    assert times >= 3
    assert held(engine) == (len(OLD),) * 2
    assert the_rest(engine) == set()


def _cut_off(engine: Engine, way: Callable[[Engine, str], None], commits: int) -> bool:
    """Whether it was; it ends after fewer commits where there is not so much left to do."""
    left = itertools.count(commits, -1)

    def lights_out(connection: Connection) -> None:
        if next(left) == 0:
            connection.invalidate()
            raise KeyboardInterrupt

    event.listen(engine, "commit", lights_out)
    try:
        way(engine, "0002" if way is upgrade else "0001")
    except KeyboardInterrupt:
        return True
    finally:
        event.remove(engine, "commit", lights_out)
    return False
