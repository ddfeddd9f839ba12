"""Zones as people write them on a plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.outlines import middle, read_outline, written


def test_two_corners_are_a_rectangle_and_are_written_as_two_again() -> None:
    outline = read_outline(" 10,20  45.5,60 ")
    assert outline == [[10, 20], [45.5, 20], [45.5, 60], [10, 60]]
    assert written(outline) == "10,20 45.5,60"
    assert middle(outline) == (27.75, 40)


def test_more_are_a_polygon_and_none_is_no_outline() -> None:
    text = "0,0 50,0 100,50 0,100"
    assert written(read_outline(text)) == text
    assert read_outline("  ") is None
    assert written(None) == ""


@pytest.mark.parametrize(
    "text",
    ["10,20", "10,20 10,60", "101,0 5,5", "-1,0 5,5", "a,b c,d", "10;20 30;40", "1,1 2,2 3,3",
     "1e9,0 5,5", " ".join(f"{n},{n * n % 97}" for n in range(41))],
)  # fmt: skip
def test_what_is_no_shape_on_the_plan_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"corners like 10,20 45,60"):
        read_outline(text)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        outline = read_outline(text)
    except ValueError:
        return
    assert outline is None or read_outline(written(outline)) == outline
