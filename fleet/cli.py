"""The `fleet` command."""

import os

import click

from fleet import logs
from fleet.commands import (
    audit,
    battery,
    broker,
    devices,
    entering,
    firmware,
    keys,
    processes,
    recovery,
    schema,
)
from fleet.doctor.command import doctor


@click.group()
@click.option("--verbose", is_flag=True, help="Say more of what happens.")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """Wardfleet: the mobile devices of nurses and clinicians, recorded and kept charged."""
    if verbose:  # the processes that this one starts shall do the same
        os.environ["FLEET_LOG_LEVEL"] = "info"
    logs.set_up(context.invoked_subcommand or "fleet")


SUBJECTS = (
    processes, schema, devices, entering, audit, recovery, battery, broker, keys, firmware,
)  # fmt: skip
for subject in SUBJECTS:
    for command in subject.COMMANDS:
        main.add_command(command)


main.add_command(doctor)

if __name__ == "__main__":
    main()
