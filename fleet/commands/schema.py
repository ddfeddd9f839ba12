"""The schema of the database, for those who do not leave it to `fleet up`."""

import click

from fleet.commands.errors import one_clear_line
from fleet.config import SettingError, Settings


@click.command()
@click.option("--back-to", metavar="REVISION", help="To an older schema, before an older version.")
@one_clear_line
def migrate(back_to: str | None) -> None:
    """Bring the database to the newest schema, while everything runs."""
    from alembic.util import CommandError

    from fleet.store.migrate import downgrade, upgrade

    settings = Settings.from_env()
    settings.make_data_dir()
    try:
        downgrade(settings.database_url, back_to) if back_to else upgrade(settings.database_url)
    except CommandError as error:
        raise SettingError(f"--back-to {back_to}: {error}") from error


COMMANDS = (migrate,)
