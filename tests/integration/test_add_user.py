"""A second person, without whom nobody could approve a rollout."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from flask import Flask

from fleet.cli import main
from fleet.config import Settings
from fleet.services.add_user import add_user
from fleet.services.errors import Conflict, Invalid
from fleet.services.sign_in import sign_in

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"


def test_whoever_is_added_can_sign_in(worker: Flask) -> None:
    with worker.app_context():
        add_user("bob", PASSWORD, "cli", NOW, "it_operator")
        assert sign_in("bob", PASSWORD, NOW)
        with pytest.raises(Conflict, match="user bob already"):
            add_user("bob", PASSWORD, "cli", NOW, "it_operator")
        with pytest.raises(Invalid) as refused:
            add_user("Bob Smith", "x", "cli", NOW, "it_operator")
        assert set(refused.value.fields) == {"username", "password"}


def test_the_command_asks_for_the_password(
    settings: Settings, worker: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("FLEET_DATA_DIR", str(settings.data_dir))
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    answer = CliRunner().invoke(main, ["user", "add", "bob", "--role", "it_approver"], input=typed)
    assert answer.exit_code == 0, answer.output
    assert PASSWORD not in answer.output
    with worker.app_context():
        assert sign_in("bob", PASSWORD, datetime.now(UTC))
