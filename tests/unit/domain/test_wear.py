import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fleet.domain.battery.spikes import without_spikes
from fleet.domain.battery.wear import BINS, Wear


def fading(readings: int, rate: float = 2e-4) -> tuple[np.ndarray, np.ndarray]:
    cycle = np.arange(1.0, readings + 1)
    return cycle, 1 - rate * cycle


def test_every_reading_is_in_a_bin_however_long_the_life() -> None:
    wear = Wear.of_histories([fading(5), fading(300), fading(4000)])
    assert wear.readings.sum(1).tolist() == [5, 300, 4000]
    assert wear.age.tolist() == [5, 300, 4000]
    assert wear.readings.shape == (3, BINS)


def test_one_reading_at_a_time_fills_the_same_bins_as_a_whole_life() -> None:
    cycle, health = fading(400)
    at_once = Wear.of_histories([(cycle, health)])
    slowly = Wear.of_new_packs(1)
    for when, what in zip(cycle, health, strict=True):
        slowly.absorb(np.array([[when]]), np.array([[what]]))
    np.testing.assert_array_equal(slowly.readings, at_once.readings)
    np.testing.assert_allclose(slowly.throughput, at_once.throughput)
    np.testing.assert_allclose(slowly.health, at_once.health, rtol=2e-3)


def test_a_spike_is_pulled_in_also_as_the_last_reading() -> None:
    rng = np.random.default_rng(1)
    health = 0.9 + 0.005 * rng.standard_normal((1, 60))
    for place in (0, 30, 59):
        spiked = health.copy()
        spiked[0, place] = 0.3
        calm, _ = without_spikes(np.full((1, 4), np.nan), spiked, np.array([np.nan]))
        assert abs(calm[0, place] - 0.9) < 0.05


def test_the_noise_of_the_gauge_is_found_in_spite_of_spikes() -> None:
    rng = np.random.default_rng(2)
    health = 0.9 + 0.01 * rng.standard_normal((1, 400))
    health[0, ::40] = 0.5
    wear = Wear.of_new_packs(1)
    wear.absorb(np.arange(400.0)[None], health)
    assert 0.005 < wear.noise[0] < 0.016


def test_what_cannot_be_is_dropped() -> None:
    cycle = np.array([1.0, 2, 3, np.nan, 5, -6, 7])
    health = np.array([0.0, 0.9, np.nan, 0.9, 7.0, 0.9, 0.8])
    wear = Wear.of_histories([(cycle, health)])
    assert wear.readings.sum() == 2
    assert wear.age[0] == 7


def test_a_hundred_thousand_readings_of_one_pack_are_48_bins() -> None:
    wear = Wear.of_histories([fading(100_000, 5e-6)])
    assert wear.readings.sum() == 100_000
    assert (wear.readings > 0).sum() > BINS // 2


ANY = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(arrays(float, (2, 9), elements=ANY), arrays(float, (2, 9), elements=ANY))
def test_no_history_is_too_strange(cycle: np.ndarray, health: np.ndarray) -> None:
    wear = Wear.of_new_packs(2)
    wear.absorb(cycle, health)
    assert np.isfinite(wear.health).all()
    assert (wear.readings.sum(1) <= 9).all()
