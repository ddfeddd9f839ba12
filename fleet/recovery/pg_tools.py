"""PostgreSQL's own programs: where they are, and how they are run."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import make_url

from fleet.recovery.errors import RecoveryError

_DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def run(name: str, server: int, url: str, arguments: Sequence[str]) -> None:
    """Run `pg_dump` or `pg_restore` against the database. Raises RecoveryError with its words.

    `server`: its major version. The password goes by the environment, where no other user sees it.
    """
    parts = make_url(url)
    password = parts.password or parts.query.get("password")
    plain = parts._replace(drivername="postgresql", password=None)
    plain = plain.difference_update_query(["password"])
    secret = {"PGPASSWORD": str(password)} if password else {}
    done = subprocess.run(
        [_program(name, server), f"--dbname={plain.render_as_string()}", *arguments],
        env={**os.environ, **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise RecoveryError(f"{name} failed: {last}")


def _program(name: str, server: int) -> Path:
    """The oldest that is new enough: a newer one may write what an older server cannot read."""
    on_path = shutil.which(name)
    found = [*_DEBIAN.glob(f"*/bin/{name}"), *([Path(on_path)] if on_path else [])]
    fitting = [(version, path) for path in found if (version := _major(path)) >= server]
    if not fitting:
        raise RecoveryError(
            f"{name} of PostgreSQL {server} or newer is needed and not installed: "
            f"apt install postgresql-client-{server}"
        )
    return min(fitting)[1]


def _major(program: Path) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = _VERSION.search(said.stdout)
    return int(match[1]) if match else 0


def with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)
