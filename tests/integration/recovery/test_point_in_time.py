"""PostgreSQL goes back to the moment before a mistake, as docs/recovery.md says it is done."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, delete, select, text

from fleet.config import Settings
from fleet.recovery.restore import How, recovered_in_place
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.database import db, snapshot
from fleet.store.migrate import upgrade
from fleet.store.models import Configuration, Device, SearchToken
from fleet.store.queries.audit_chain import verify
from tests.support.hospital import build_hospital, inside
from tests.support.postgres import (
    Postgres,
    as_server_user,
    cluster_folder,
    initdb,
    program,
    serving,
)
from tests.support.waiting import wait_until


def ask(server: Postgres, question: str) -> object:
    engine = create_engine(server.url_for("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        answer = connection.execute(text(question)).scalar()
    engine.dispose()
    return answer


def settings_for(server: Postgres, tmp_path: Path) -> Settings:
    settings = Settings.from_env(
        {
            "FLEET_DATABASE_URL": server.url_for("wardfleet"),
            "FLEET_DATA_DIR": str(tmp_path / "data"),
        }
    )
    settings.make_data_dir()
    return settings


def base_backup(server: Postgres, into: Path) -> None:
    as_server_user(
        program("pg_basebackup"), "-d", server.url_for("postgres").replace("+psycopg", ""),
        "-D", into, "--checkpoint=fast",
    )  # fmt: skip


def a_mistake() -> None:
    with db.engine.begin() as connection:
        for model in (SearchToken, Configuration):
            connection.execute(delete(model))


def test_the_database_goes_back_to_the_moment_before_a_mistake(tmp_path: Path) -> None:
    with cluster_folder() as folder:
        data, base, wal = (folder / name for name in ("data", "base", "wal"))
        initdb(data)
        as_server_user("mkdir", wal)
        archive = f"test ! -f {wal}/%f && cp %p {wal}/%f"
        with serving(data, archive_mode="on", archive_command=archive) as server:
            upgrade(server.create("wardfleet"))
            settings = settings_for(server, tmp_path)
            with inside(settings):
                build_hospital(carts=1, now=datetime.now(UTC))
                base_backup(server, base)
                new = [NewDevice("CART-007", "medication_cart", "ward-3a")]
                register_devices(new, "test", datetime.now(UTC))
                moment = ask(server, "SELECT clock_timestamp()")
                a_mistake()
            last = ask(server, "SELECT pg_walfile_name(pg_switch_wal())")
            wait_until(lambda: (wal / str(last)).exists(), timeout=20)
        as_server_user("touch", base / "recovery.signal")
        target = {
            "restore_command": f"cp {wal}/%f %p",
            "recovery_target_time": str(moment),
            "recovery_target_action": "promote",
        }
        with serving(base, **target) as server:
            wait_until(lambda: ask(server, "SELECT NOT pg_is_in_recovery()"), timeout=20)
            settings = settings_for(server, tmp_path)
            recovered_in_place(settings, How("test", datetime.now(UTC)))
            with inside(settings):
                rows = db.session.execute(
                    select(Device.device_id, Configuration.generation).join(
                        Configuration, Configuration.device_pk == Device.id
                    )
                ).all()
                assert {row.device_id for row in rows} == {"cart-001", "cart-007"}
                assert all(row.generation > 1_000_000 for row in rows)
                with snapshot(db.engine) as connection:
                    assert verify(connection).problem is None
