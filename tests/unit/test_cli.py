"""The command line: what it lists, and what it leaves alone."""

import subprocess
import sys
from importlib import import_module

import pytest
from click.testing import CliRunner

from fleet.cli import SUBJECTS, main


@pytest.mark.parametrize("module", SUBJECTS)
def test_each_command_stands_where_it_is_looked_for(module: str) -> None:
    assert tuple(command.name for command in import_module(module).COMMANDS) == SUBJECTS[module]


def test_the_help_lists_every_command_with_what_it_does() -> None:
    listed = CliRunner().invoke(main, ["--help"]).output.partition("Commands:")[2].splitlines()
    lines = [line.split(maxsplit=1) for line in listed if line.strip()]
    assert {line[0] for line in lines} == {n for names in SUBJECTS.values() for n in names}
    assert all(len(line) == 2 for line in lines)


def test_a_command_that_there_is_not_is_refused_by_name() -> None:
    refused = CliRunner().invoke(main, ["ingestt"])
    assert refused.exit_code == 2
    assert "No such command 'ingestt'" in refused.output


def test_ingest_does_not_import_what_only_others_need() -> None:
    """It is started again after every fault, and nothing is recorded until it is there."""
    asked = """
import sys
from fleet import create_worker
from fleet.cli import main
import fleet.ingest.run, fleet.ingest.consumer, fleet.dispatch.acks, fleet.store.clock
main.get_command(None, "ingest")
print(*sorted({"alembic", "flask_smorest", "fleet.recovery", "fleet.web"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
