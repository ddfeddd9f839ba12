"""Batteries: forecasts from files, and the coefficients behind every forecast."""

from pathlib import Path

import click

from fleet.commands.errors import one_clear_line, what_the_user_can_put_right

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def battery() -> None:
    """When packs must be replaced."""


@battery.command()
@click.argument("cases_csv", type=_FILE)
@click.argument("preds_csv", type=_FILE)
@one_clear_line
def forecast(cases_csv: Path, preds_csv: Path) -> None:
    """End of life, in cycles, of each case in CASES_CSV, with its 80 % interval, to PREDS_CSV.

    Columns: case_id, cell_model, nominal_ah, threshold_frac, cycle, soh (fraction of nominal).
    """
    from fleet.forecasting import cases, coefficients

    with what_the_user_can_put_right():
        read = cases.read(cases_csv)
        told = cases.forecast(list(read.values()), coefficients.load())
        silent = cases.write(preds_csv, list(read), told)
    if silent:
        click.echo(f"{silent} of {len(read)} cases: not enough data yet", err=True)


@battery.command()
@click.argument("data_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("coefficients_npz", type=_FILE)
@one_clear_line
def train(data_dir: Path, coefficients_npz: Path) -> None:
    """Learn the coefficients from cells.csv and capacity.csv in DATA_DIR."""
    try:
        from fleet.forecasting import training
    except ImportError as error:
        raise SystemExit(
            "fleet: training needs scikit-learn: pip install wardfleet[train]"
        ) from error
    from fleet.forecasting import coefficients, training_data
    from fleet.forecasting.sources import SOURCES

    with what_the_user_can_put_right():
        lives = training_data.read_lives(data_dir)
        coefficients.save(coefficients_npz, training.learn(lives), SOURCES)


COMMANDS = (battery,)
