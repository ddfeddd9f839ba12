"""Releases are entered whole or not at all, and their counters never go back by themselves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from fleet.cli import main
from fleet.services.add_release import add_release
from fleet.services.allow_downgrade import allow_downgrade
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.signing.sign import write_envelope
from fleet.store.artifacts import Artifacts
from fleet.store.audit import AuditEntry
from fleet.store.database import db
from fleet.store.models import FirmwareRelease
from tests.support.releases import Workshop
from tests.support.signing import Ceremony, firmware


@pytest.fixture
def workshop(app: Flask, tmp_path: Path) -> Workshop:
    return Workshop(app, tmp_path)


def releases(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(FirmwareRelease)) or 0


def test_a_release_is_entered_with_its_file_and_audited(workshop: Workshop) -> None:
    added = workshop.add(b"a" * 3_000_000, version="4.2.0")
    with workshop.app.app_context():
        row = db.session.get_one(FirmwareRelease, added.id)
        assert (row.version, row.release_counter, row.length) == ("4.2.0", 7, 3_000_000)
        assert workshop.artifacts.path(row.sha256).read_bytes() == b"a" * 3_000_000
        entry = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "firmware.add")
        ).one()
    assert entry.subject == f"firmware/{added.id}"
    assert entry.after["artifact_sha256"] == row.sha256


@pytest.mark.parametrize("file", [b"", b"imag", b"image!", b"imagE"])
def test_a_file_that_is_not_the_signed_one_leaves_nothing_behind(
    workshop: Workshop, file: bytes
) -> None:
    with pytest.raises(Invalid, match="its manifest says"):
        workshop.add(b"image", file=file)
    assert releases(workshop.app) == 0
    assert list(workshop.artifacts.path("x").parent.iterdir()) == []


@pytest.mark.parametrize("by", ["online", "root-1"])
def test_only_a_release_key_enters_a_release(workshop: Workshop, by: str) -> None:
    with pytest.raises(Invalid, match="release keys"):
        workshop.add(by=by)
    assert releases(workshop.app) == 0


def test_an_expired_manifest_is_not_entered(workshop: Workshop) -> None:
    now = datetime.now(UTC)
    past: dict[str, Any] = {"issued_at": now - timedelta(2), "expires_at": now - timedelta(1)}
    with pytest.raises(Invalid, match="expired"):
        workshop.add(**past)


def test_without_a_trust_document_there_is_no_firmware(app: Flask, tmp_path: Path) -> None:
    ceremony = Ceremony(tmp_path / "keys", datetime.now(UTC))
    file = tmp_path / "image"
    file.write_bytes(b"image")
    with app.app_context(), pytest.raises(Conflict, match="no trust document"):
        add_release(file, ceremony.manifest(), Artifacts(tmp_path), "cli", datetime.now(UTC))


def test_the_same_release_again_only_puts_its_file_back(workshop: Workshop) -> None:
    envelope = workshop.ceremony.manifest()
    first = workshop.add(envelope=envelope)
    (file,) = workshop.artifacts.path("x").parent.iterdir()
    file.unlink()
    again = workshop.add(envelope=envelope)
    assert (again.id, again.is_new, file.read_bytes()) == (first.id, False, b"image")
    assert releases(workshop.app) == 1


@pytest.mark.parametrize(("counter", "problem"), [(7, "is taken"), (6, "is below 7")])
def test_a_counter_never_goes_back_for_the_same_hardware(
    workshop: Workshop, counter: int, problem: str
) -> None:
    workshop.add(version="4.2.0", release_counter=7, hardware_ids=["M40", "M50"])
    with pytest.raises((Invalid, Conflict), match=problem):
        workshop.add(version="4.1.0", release_counter=counter, hardware_ids=["M50", "M60"])
    workshop.add(version="4.1.1", release_counter=counter, hardware_ids=["T10"])
    workshop.add(version="4.3.0", release_counter=8, hardware_ids=["M50"])
    assert releases(workshop.app) == 3


def test_the_root_lets_a_release_go_back(workshop: Workshop) -> None:
    workshop.add(version="4.2.0", release_counter=7)
    older = workshop.ceremony.manifest(version="4.1.9", release_counter=6)
    short = workshop.ceremony.downgrade(older, seen=6)
    alone = workshop.ceremony.downgrade(older, 7, "root-1")
    for weak in (short, alone):
        with pytest.raises(Invalid):
            workshop.add(envelope=older, downgrade=weak)
    added = workshop.add(envelope=older, downgrade=workshop.ceremony.downgrade(older, seen=7))
    with workshop.app.app_context():
        assert db.session.get_one(FirmwareRelease, added.id).downgrade is not None


def test_leave_to_go_back_is_entered_for_a_release_that_is_there(workshop: Workshop) -> None:
    older = workshop.ceremony.manifest(version="4.1.9", release_counter=6)
    leave = workshop.ceremony.downgrade(older, seen=7)
    now = datetime.now(UTC)
    with workshop.app.app_context(), pytest.raises(NotFound):
        allow_downgrade(leave, "cli", now)
    workshop.add(envelope=older)
    with workshop.app.app_context():
        assert allow_downgrade(leave, "cli", now) == "4.1.9"
        with pytest.raises(Invalid, match="root keys"):
            allow_downgrade(workshop.ceremony.downgrade(older, 7, "release"), "cli", now)
        actions = list(db.session.scalars(select(AuditEntry.action)))
    assert actions.count("firmware.downgrade") == 1


def test_from_file_to_release_on_the_command_line(tmp_path: Path, sqlite_url: str) -> None:
    ceremony = Ceremony(tmp_path / "keys", datetime.now(UTC))
    trust, file, manifest = (tmp_path / name for name in ("trust.json", "image.bin", "m.json"))
    trust.write_bytes(write_envelope(ceremony.envelope))
    file.write_bytes(b"image" * 1000)
    environ = {"FLEET_DATA_DIR": str(tmp_path / "data"), "FLEET_DATABASE_URL": sqlite_url}

    def run(*words: str) -> str:
        result = CliRunner().invoke(main, words, env=environ)
        return result.output + str(result.exception or "")

    run("keys", "install", str(trust))
    words = ("firmware", "manifest", str(file), str(manifest))
    words += ("--version", "4.2.0", "--hardware", "M40", "--counter", "7", "--min-soc", "50")
    assert "not signed yet" in run(*words)
    add = ("firmware", "release", "add", str(file), "--manifest", str(manifest))
    assert "manifest: signed by 0 different release keys" in run(*add)
    run("keys", "sign", str(manifest), "--key", str(tmp_path / "keys" / "release.pem"))
    assert "release 1: version 4.2.0 (new)" in run(*add)
    assert "(there already)" in run(*add)
    leave = tmp_path / "leave.json"
    words = ("firmware", "downgrade", str(manifest), str(leave), "--seen", "9", "--why", "hot")
    run(*words)
    roots = [str(tmp_path / "keys" / f"root-{n}.pem") for n in (1, 2)]
    run("keys", "sign", str(leave), "--key", roots[0], "--key", roots[1])
    assert "version 4.2.0" in run("firmware", "release", "allow-downgrade", str(leave))


def test_bad_words_on_the_command_line_are_named(tmp_path: Path, sqlite_url: str) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(b"image")
    out = tmp_path / "m.json"
    words = ["firmware", "manifest", str(file), str(out), "--version", "four", "--hardware", "M40"]
    result = CliRunner().invoke(
        main, [*words, "--counter", "1"], env={"FLEET_DATA_DIR": str(tmp_path / "data")}
    )
    assert "version" in str(result.exception)
    assert not out.exists()


def test_a_manifest_of_a_profile_is_no_firmware(workshop: Workshop) -> None:
    profile = firmware(
        type="profile", artifact=None, document_sha256="0" * 64, now=datetime.now(UTC)
    )
    with pytest.raises(Invalid, match="of a profile"):
        workshop.add(envelope=workshop.ceremony.sign(profile, "release"))
