import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fleet.cli import main
from fleet.domain.battery.forecast import Forecast
from fleet.domain.battery.wear import Wear
from fleet.forecasting import coefficients
from fleet.forecasting.training_data import read_lives
from tests.support.battery_data import battery_data

FORECASTER = coefficients.load()
HEADER = "case_id,cell_model,nominal_ah,threshold_frac,cycle,soh\n"


def forecast(cycle: np.ndarray, health: np.ndarray, model: str = "new") -> Forecast:
    return FORECASTER(
        Wear.of_histories([(cycle, health)]), [model], np.array([0.8]), np.array([2.0])
    )


def test_a_steadily_fading_pack_ends_about_where_its_line_does() -> None:
    cycle = np.arange(1.0, 301)
    told = forecast(cycle, 1 - 0.2 * cycle / 400)
    assert 320 < told.end_of_life[0] < 480
    assert told.low[0] < told.end_of_life[0] < told.high[0]
    assert not told.known[0]


def test_time_scales_as_the_pack_does() -> None:
    cycle = np.arange(1.0, 301)
    health = 1 - 0.2 * cycle / 400
    slow, fast = forecast(3 * cycle, health), forecast(cycle, health)
    assert slow.end_of_life[0] / fast.end_of_life[0] == pytest.approx(3, rel=0.05)


def test_nothing_is_forecast_from_four_readings() -> None:
    told = forecast(np.arange(1.0, 5), np.full(4, 0.9))
    assert np.isnan([told.end_of_life[0], told.low[0], told.high[0]]).all()


def test_no_packs_are_no_forecasts() -> None:
    assert len(FORECASTER(Wear.of_new_packs(0), [], np.empty(0), np.empty(0)).low) == 0


def test_a_new_model_is_told_with_a_wider_interval() -> None:
    cycle = np.arange(1.0, 1001)
    health = 1.08 - 0.1 * cycle / 1000
    known, new = forecast(cycle, health, "HUST"), forecast(cycle, health)
    assert known.known[0]
    assert known.high[0] - known.low[0] < new.high[0] - new.low[0]


@given(st.lists(st.tuples(st.floats(0, 3000), st.floats(-1, 2)), max_size=30))
def test_an_interval_is_in_order_and_never_in_the_past(readings: list[tuple[float, float]]) -> None:
    cycle, health = np.array(readings).reshape(-1, 2).T
    told = forecast(cycle, health)
    if not np.isnan(told.low[0]):
        assert 0 < told.low[0] <= told.end_of_life[0] <= told.high[0] < np.inf


def run(folder: Path, text: str) -> tuple[int, str]:
    (folder / "cases.csv").write_text(text)
    result = CliRunner().invoke(
        main, ["battery", "forecast", str(folder / "cases.csv"), str(folder / "preds.csv")]
    )
    return result.exit_code, result.output


def test_the_command_answers_every_case_and_says_which_lack_data(tmp_path: Path) -> None:
    long = "".join(f"a,HUST,1.1,0.8,{n},{1.08 - n / 8000}\n" for n in range(1, 900))
    code, said = run(tmp_path, HEADER + long + "b,HUST,1.1,0.8,1,1.08\nc,new,2,0.7,,\n")
    assert code == 0
    assert "2 of 3 cases: not enough data yet" in said
    with (tmp_path / "preds.csv").open() as file:
        rows = {row["case_id"]: row for row in csv.DictReader(file)}
    assert float(rows["a"]["lo80"]) < float(rows["a"]["eol_cycle_pred"]) < float(rows["a"]["hi80"])
    assert rows["b"]["eol_cycle_pred"] == rows["c"]["eol_cycle_pred"] == ""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("case_id,soh\n", "no column cell_model"),
        (HEADER + "a,HUST,1.1,0.8,1,good\n", "line 2"),
        (HEADER + "a,HUST,1.1,0.8\n", "line 2"),
    ],
)
def test_a_bad_file_is_told_in_a_line_that_says_where(
    tmp_path: Path, text: str, named: str
) -> None:
    code, said = run(tmp_path, text)
    assert code != 0
    assert named in said


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = [f"a,new,2,0.8,{n},{1 - n / 1000 + rng.normal(0, 0.002)}\n" for n in range(1, 200)]
    run(tmp_path, HEADER + "".join(rows))
    in_order = (tmp_path / "preds.csv").read_text()
    run(tmp_path, HEADER + "".join(rng.permutation(rows)))
    assert (tmp_path / "preds.csv").read_text() == in_order


def test_the_coefficients_name_what_they_were_learned_from() -> None:
    with np.load(coefficients.SHIPPED, allow_pickle=False) as arrays:
        about = str(arrays["about"])
    assert "Severson" in about
    assert "licence" in about
    assert coefficients.SHIPPED.stat().st_size < 2_000_000


@pytest.mark.skipif(battery_data() is None, reason="WARDFLEET_BATTERY_DATA: no data here")
def test_the_models_of_the_data_are_the_known_ones() -> None:
    folder = battery_data()
    assert folder is not None
    assert {life.model for life in read_lives(folder)} == set(FORECASTER.models)
