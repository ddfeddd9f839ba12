import pytest

from fleet.dispatch.acks import ranges


@pytest.mark.parametrize(
    ("seqs", "told"),
    [
        (set(), []),
        ({5}, [(5, 5)]),
        ({1, 2, 3, 7}, [(1, 3), (7, 7)]),
        ({1, 3}, [(1, 1), (3, 3)]),
        ({4, 2, 1}, [(1, 2), (4, 4)]),
    ],
)
def test_a_range_holds_what_is_kept_and_never_what_is_not(
    seqs: set[int], told: list[tuple[int, int]]
) -> None:
    assert ranges(seqs) == told
