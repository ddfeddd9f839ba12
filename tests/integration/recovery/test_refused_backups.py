"""Backups that cannot be taken, or are not believed: nothing is changed, and why is said."""

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fleet.config import Settings
from fleet.recovery import pg_tools
from fleet.recovery.archive import Member, backups, read_manifest
from fleet.recovery.backup import take_backup
from fleet.recovery.errors import RecoveryError
from fleet.recovery.restore import restore
from fleet.store.checksums import TableSum
from tests.support.backups import backed_up, how, tampered, with_manifest
from tests.support.hospital import NOON
from tests.support.which_database import on_postgresql, on_sqlite


@on_sqlite
def test_a_damaged_backup_changes_nothing_and_is_told(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    whole = taken.path.read_bytes()
    broken = tmp_path / "broken.tar"

    def refusal(path: Path) -> str:
        with pytest.raises(RecoveryError) as error:
            restore(elsewhere, path, how())
        assert not (elsewhere.data_dir / "secret_key").exists()
        assert not Path(elsewhere.database_url.removeprefix("sqlite:///")).exists()
        return str(error.value)

    with tarfile.open(taken.path) as tar:
        at = tar.getmember("database.sqlite.gz").offset_data + 1_000
    broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert "database.sqlite.gz: damaged, it does not match its checksum" in refusal(broken)
    broken.write_bytes(whole[: len(whole) // 2])
    assert "broken.tar" in refusal(broken)
    broken.write_bytes(b"no tar at all")
    assert "cannot be read as a backup" in refusal(broken)
    assert "settings.json: damaged" in refusal(tampered(taken, tmp_path, {"settings.json": b"x"}))
    stranger = tampered(taken, tmp_path, {"files/authorized_keys": b"ssh-ed25519"})
    assert "files/authorized_keys: is not in the manifest" in refusal(stranger)


@on_sqlite
def test_a_backup_writes_nothing_outside_of_where_it_belongs(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    manifest = read_manifest(taken.path)
    manifest.members["../../outside"] = Member(1, hashlib.sha256(b"x").hexdigest())
    changed = {"manifest.json": msgspec.json.encode(manifest), "../../outside": b"x"}
    with pytest.raises(RecoveryError, match="outside: is not in the manifest"):
        restore(elsewhere, tampered(taken, tmp_path, changed), how())
    assert not list(tmp_path.rglob("outside"))


@on_sqlite
def test_what_differs_from_the_manifest_is_named(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    manifest = read_manifest(taken.path)
    tables = manifest.facts.tables
    tables["reading"] = TableSum(21, tables["reading"].checksum)
    tables["zone"] = TableSum(tables["zone"].rows, "0" * 64)
    tables["ghost"] = TableSum(1, "0" * 64)
    path = with_manifest(taken, tmp_path, manifest)
    with pytest.raises(RecoveryError) as error:
        restore(elsewhere, path, how())
    assert str(error.value) == (
        "table ghost: missing; table reading: 21 rows expected, 20 found; "
        "table zone: the same number of rows, with other content"
    )


@on_sqlite
def test_a_backup_of_a_later_version_is_refused(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    manifest = read_manifest(taken.path)
    later = msgspec.structs.replace(
        manifest, version="9.0", facts=replace(manifest.facts, schema="9999")
    )
    with pytest.raises(RecoveryError, match=r"schema 9999 is not known here.*Wardfleet 9\.0"):
        restore(elsewhere, with_manifest(taken, tmp_path, later), how())
    other = msgspec.structs.replace(manifest, version="9.0", format=2)
    with pytest.raises(RecoveryError, match="format 2, of Wardfleet 9"):
        read_manifest(with_manifest(taken, tmp_path, other))


@on_sqlite
def test_a_backup_of_the_other_database_is_refused(
    hospital: None, settings: Settings, elsewhere: Settings
) -> None:
    taken = backed_up(settings)
    other = replace(elsewhere, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(RecoveryError, match="a backup of sqlite; this database is postgresql"):
        restore(other, taken.path, how())


@on_postgresql
def test_a_missing_pg_dump_is_named_with_what_to_install(
    hospital: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pg_tools, "_DEBIAN", tmp_path)
    with pytest.raises(RecoveryError, match=r"apt install postgresql-client-\d+"):
        backed_up(settings)
    assert backups(settings.backup_dir) == []


@on_sqlite
def test_a_folder_that_cannot_be_written_is_named(hospital: None, settings: Settings) -> None:
    settings.data_dir.joinpath("a file").write_text("")
    with pytest.raises(RecoveryError, match="a file/backups: Not a directory"):
        take_backup(settings, settings.data_dir / "a file" / "backups", 1, "test", NOON)
