"""Litestream, where it is on: every change of the SQLite database, copied within a second."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fleet.config import SettingError, Settings
from fleet.recovery import sqlite
from fleet.recovery.errors import RecoveryError


def command(settings: Settings) -> list[str]:
    """Write the configuration; returns the command that replicates until it is ended."""
    config = settings.data_dir / "litestream.yml"
    # JSON is YAML. Within the month that is kept any half minute can be gone back to.
    text = json.dumps(
        {
            "dbs": [
                {
                    "path": str(sqlite.path_of(settings.database_url)),
                    "replica": {"url": settings.litestream_url, "sync-interval": "1s"},
                }
            ],
            "snapshot": {"interval": "24h", "retention": "720h"},
            "logging": {"level": "warn", "stderr": True},
        },
        indent=1,
    )
    config.touch(0o600)  # the address may hold a password
    config.write_text(text)
    return [_program(), "replicate", "-config", str(config), "-no-expand-env"]


def _program() -> str:
    """Beside this Python, where its package puts it, or on the path."""
    found = shutil.which("litestream", path=str(Path(sys.executable).parent))
    found = found or shutil.which("litestream")
    if found is None:
        raise SettingError(
            "litestream is not installed: run `make litestream`, or unset FLEET_LITESTREAM_URL"
        )
    return found


@dataclass(frozen=True, slots=True)
class Fetch:
    """Gets the database out of the replica, as of a moment, or as of its newest change."""

    url: str
    at: datetime | None

    def __call__(self, target: Path) -> None:
        moment = [f"-timestamp={self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"] if self.at else []
        done = subprocess.run(
            [_program(), "restore", *moment, "-o", str(target), self.url],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not target.exists():
            said = (done.stderr or done.stdout).strip().splitlines() or ["it holds no database"]
            raise RecoveryError(f"litestream restore failed: {said[-1]}")
