import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.own import corrected, cut_short, ends_seen, is_known_here, lessons
from fleet.domain.battery.wear import Wear
from fleet.forecasting import coefficients

SHIPPED = np.array([[1_100.0], [1_200.0], [1_400.0]])
AGE = np.array([1_000.0])


def faded(cycles: int, rate: float = 2.5e-4) -> Wear:
    age = np.arange(1.0, cycles + 1)
    return Wear.of_histories([(age, 1 - rate * age)])


def test_an_end_is_where_health_falls_below_the_threshold_for_good() -> None:
    wear = faded(1_400)
    assert abs(ends_seen(wear, np.array([0.7]))[0] - 1_200) <= wear.width[0]
    assert np.isnan(ends_seen(faded(1_000), np.array([0.7]))[0])


def test_a_pack_that_recovers_has_not_ended() -> None:
    age = np.arange(1.0, 1_001.0)
    health = np.where((age > 400) & (age < 600), 0.6, 0.9)
    assert np.isnan(ends_seen(Wear.of_histories([(age, health)]), np.array([0.7]))[0])


def test_cut_short_a_pack_is_as_it_was_then() -> None:
    young = cut_short(faded(1_400), np.array([700.0]))
    assert young.age[0] == 700
    filled = young.readings[0] > 0
    assert (young.throughput[0, filled] / young.readings[0, filled]).max() <= 700
    assert abs(young.readings.sum() - 700) <= young.width[0]


def test_each_pack_that_ended_is_a_lesson_about_its_model() -> None:
    age = np.arange(1.0, 1_401.0)
    wear = Wear.of_histories([(age, 1 - 2.5e-4 * age)] * 3 + [(age, 1 - 1e-5 * age)])
    told = lessons(
        coefficients.load(), wear, ["A", "A", "B", "A"], np.full(4, 0.7), np.full(4, 40.0)
    )
    assert {name: len(logs) for name, logs in told.items()} == {"A": 2, "B": 1}


def test_without_lessons_nothing_is_corrected() -> None:
    assert (corrected(SHIPPED, AGE, ["A"], {}) == SHIPPED).all()
    assert (corrected(SHIPPED, AGE, ["A"], {"B": [0.7] * 20}) == SHIPPED).all()


def test_eight_packs_that_lasted_longer_move_the_forecast_half_the_way() -> None:
    low, middle, high = corrected(SHIPPED, AGE, ["A"], {"A": [np.log(2)] * 8})[:, 0]
    assert abs(middle - (1_000 + 200 * np.sqrt(2))) < 1e-6
    assert low < middle < high


def test_packs_that_ended_alike_narrow_the_interval_and_unlike_ones_widen_it() -> None:
    def width(logs: list[float]) -> float:
        low, _, high = corrected(SHIPPED, AGE, ["A"], {"A": logs})[:, 0]
        return float(high - low)

    alike, unlike = [-0.01, 0.01] * 10, [-1.0, 1.0] * 10
    assert width(alike) < 0.5 * 300
    assert width(unlike) > 1.5 * 300


def test_the_interval_of_own_packs_holds_four_of_five_of_them() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        logs = rng.normal(0.3, 0.4, 60)
        low, _, high = corrected(SHIPPED, AGE, ["A"], {"A": logs[:-1].tolist()})[:, 0]
        held += low <= 1_000 + 200 * np.exp(logs[-1]) <= high
    assert 0.74 < held / 400 < 0.88


def test_a_pack_at_its_end_stays_there() -> None:
    ended = np.full((3, 1), 900.0)
    assert (corrected(ended, AGE, ["A"], {"A": [0.5, 0.7]}) == AGE).all()


@given(st.lists(st.floats(-2, 2), max_size=30))
def test_whatever_was_learned_the_order_holds(logs: list[float]) -> None:
    ends = corrected(SHIPPED, AGE, ["A"], {"A": logs} if logs else {})[:, 0]
    assert ends[0] <= ends[1] <= ends[2]
    assert np.isfinite(ends).all()


def test_a_model_is_known_here_once_eight_of_it_have_ended() -> None:
    assert not is_known_here("A", {"A": [0.0] * 7, "B": [0.0] * 9})
    assert is_known_here("A", {"A": [0.0] * 8})
