"""The `fleet` command."""

import logging

import click

from fleet.commands import audit, devices, entering, processes, recovery


@click.group()
@click.option("--verbose", is_flag=True, help="Say more of what happens.")
def main(verbose: bool) -> None:
    """Wardfleet: the mobile devices of nurses and clinicians, recorded and kept charged."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )


for subject in (processes, devices, entering, audit, recovery):
    for command in subject.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    main()
