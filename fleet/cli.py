"""The `fleet` command."""

import os
from importlib import import_module

import click

from fleet import logs

SUBJECTS = {
    "fleet.commands.processes": ("up", "web", "ingest", "schedule", "est"),
    "fleet.commands.schema": ("migrate",),
    "fleet.commands.devices": ("simulate", "agent"),
    "fleet.commands.entering": ("profile", "site", "ward", "setup-link", "user"),
    "fleet.commands.audit": ("audit",),
    "fleet.commands.recovery": ("backup", "restore", "recovered", "drill"),
    "fleet.commands.battery": ("battery",),
    "fleet.commands.broker": ("broker",),
    "fleet.commands.keys": ("keys",),
    "fleet.commands.firmware": ("firmware",),
    "fleet.doctor.command": ("doctor",),
}
"""Where each command stands: what is not asked for is not imported, which takes a second or two."""


class _Commands(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(name for names in SUBJECTS.values() for name in names)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        for module, names in SUBJECTS.items():
            if name in names:
                commands = import_module(module).COMMANDS
                return next(command for command in commands if command.name == name)
        return None


@click.group(cls=_Commands)
@click.option("--verbose", is_flag=True, help="Say more of what happens.")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """Wardfleet: the mobile devices of nurses and clinicians, recorded and kept charged."""
    if verbose:  # the processes that this one starts shall do the same
        os.environ["FLEET_LOG_LEVEL"] = "info"
    logs.set_up(context.invoked_subcommand or "fleet")


if __name__ == "__main__":
    main()
