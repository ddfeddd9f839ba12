"""Two keys alike in one object are found wherever they stand, and nowhere else."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.wire.messages import Reported, Telemetry
from fleet.wire.strict import gives_a_key_twice

READING = '"seq":1,"ts":"2026-11-24T06:15:04Z"'
telemetry = msgspec.json.Decoder(Telemetry)
reported = msgspec.json.Decoder(Reported)


def twice(text: str, decoder: Any = telemetry) -> bool:
    return gives_a_key_twice(text.encode(), decoder.decode(text.encode()))


def of_reading(more: str) -> str:
    return '{"v":1,"boot":1,"readings":[{' + READING + more + "}]}"


@pytest.mark.parametrize(
    "more",
    [
        "",
        ',"batteries":[{"soc_pct":71},{"slot":1,"soc_pct":71}]',
        ',"batteries":[{"slot":0}]',
        ',"news":{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
        ',"location":{"zone":"a: \\"b\\" \\u0022c\\u003a"}',
    ],
    ids=["plain", "two packs", "a default said aloud", "fields unknown to us", "escapes"],
)
def test_an_ordinary_message_gives_no_key_twice(more: str) -> None:
    assert not twice(of_reading(more))


@pytest.mark.parametrize(
    "more",
    [
        ',"seq":2',
        ',"seq" : 2',
        ',"s\\u0065q":2',
        ',"batteries":[],"batteries":[]',
        ',"batteries":[{"soc_pct":71,"soc_pct":17}]',
        ',"batteries":[{"slot":0,"soc_pct":71,"soc_pct":17}]',
        ',"news":{"a":1,"a":2}',
        ',"location":{"zone":"\\u0022\\u0022"},"seq":2',
    ],
)
def test_a_key_given_twice_is_found_at_any_depth_and_however_it_is_written(more: str) -> None:
    assert twice(of_reading(more))


def test_a_key_of_the_message_itself_given_twice_is_found() -> None:
    assert twice('{"v":1,"boot":1,"boot":2,"readings":[{' + READING + "}]}")


def test_a_time_that_we_would_write_longer_hides_no_key() -> None:
    report = (
        '{"v":1,"boot":1,"seq":1,"generation":1,"sha256":"","items":[],'
        '"applied_at":"2026-11-24T06:15:04+0200"'
    )
    assert not twice(report + "}", reported)
    assert twice(report + ',"seq":2}', reported)


class Pairs(list[tuple[str, Any]]):
    """An object as it is written: its keys in their order, however often each."""

    def __str__(self) -> str:
        return "{" + ", ".join(f"{json.dumps(key)}: {written(v)}" for key, v in self) + "}"

    @property
    def gives_a_key_twice(self) -> bool:
        return len(dict(self)) < len(self) or any(
            value.gives_a_key_twice for _, value in self if isinstance(value, Pairs)
        )


def written(value: Any) -> str:
    return str(value) if isinstance(value, Pairs) else json.dumps(value, ensure_ascii=False)


keys = st.sampled_from(["a", "b", "\u00e4", '"', ":", "\\", "slot"])
scalars = st.none() | st.booleans() | st.integers(-9, 2**60) | st.text(max_size=5)
objects = st.recursive(
    scalars, lambda inner: st.lists(st.tuples(keys, inner), max_size=4).map(Pairs), max_leaves=9
)
time = st.just("2026-11-24T06:15:04+01:00")


@given(st.lists(st.tuples(keys, objects) | st.tuples(st.just("ts"), time), max_size=4))
def test_it_finds_whatever_is_there_twice_and_nothing_else(more: list[tuple[str, Any]]) -> None:
    reading = Pairs([("seq", 1), ("ts", "2026-11-24T06:15:04Z"), *more])
    text = f'{{"v": 1, "boot": 1, "readings": [{reading}]}}'
    assert twice(text) is reading.gives_a_key_twice
