"""`fleet keys`: made, signed with, rotated, installed; and where keys must never be."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from fleet.cli import main
from fleet.services.errors import Conflict, Invalid
from fleet.services.install_trust import install_trust
from fleet.services.trust import trust_in_force
from fleet.store.audit import AuditEntry
from fleet.store.database import db, transaction
from fleet.store.models import OutboxMessage, TrustVersion
from fleet.trust.envelope import read_envelope
from fleet.trust.verify import Trust
from fleet.wire.firmware import TrustChain
from tests.support.api import Hospital
from tests.support.signing import Ceremony


class Offline:
    """A machine that signs, with a folder for keys outside of its data directory."""

    def __init__(self, folder: Path, data_dir: Path, database_url: str) -> None:
        self.folder, self.data_dir = folder, data_dir
        self._environ = {"FLEET_DATA_DIR": str(data_dir), "FLEET_DATABASE_URL": database_url}

    def run(self, *words: str, **environ: str) -> Result:
        return CliRunner().invoke(main, ["keys", *words], env={**self._environ, **environ})

    def done(self, *words: str, **environ: str) -> str:
        result = self.run(*words, **environ)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *words: str, **environ: str) -> str:
        result = self.run(*words, **environ)
        assert result.exit_code != 0, result.output
        return str(result.exception) + result.output

    def make(self, role: str, name: str) -> str:
        path = str(self.folder / f"{name}.pem")
        self.done("make", role, path)
        return path


@pytest.fixture
def offline(tmp_path: Path, sqlite_url: str) -> Offline:
    return Offline(tmp_path / "disk", tmp_path / "data", sqlite_url)


def test_a_whole_life_of_keys(offline: Offline) -> None:
    roots = [offline.make("root", f"root-{n}") for n in (1, 2, 3)]
    release = offline.make("release", "release")
    offline.done("make", "online")
    online = offline.data_dir / "signing" / "online.pem"
    trust = str(offline.folder / "trust-1.json")
    named = [word for root in roots for word in ("--root", f"{root}.pub")]
    named += ["--release", f"{release}.pub", "--online", f"{online}.pub"]
    offline.done("trust", trust, *named)
    offline.done("sign", trust, "--key", roots[0])
    assert "signed by 1 different root keys" in offline.refused("install", trust)
    offline.done("sign", trust, "--key", roots[0], "--key", roots[2])
    assert "trust document 1; 0 devices" in offline.done("install", trust)
    newer = offline.make("release", "release-2")
    following = str(offline.folder / "trust-2.json")
    offline.done("rotate", trust, following, "--release", f"{newer}.pub")
    offline.done("sign", following, "--key", roots[1], "--key", roots[2])
    assert "trust document 2" in offline.done("install", following)
    held = Trust.anchored(read_envelope(Path(trust).read_bytes()))
    after = held.followed_by(read_envelope(Path(following).read_bytes()))
    assert after.document.release.keys != held.document.release.keys
    assert after.document.root == held.document.root


def test_keys_are_their_owners_alone(offline: Offline) -> None:
    path = Path(offline.make("root", "root"))
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    trust = offline.folder / "x.json"
    trust.write_bytes(_some_envelope(offline))
    assert "chmod 600" in offline.refused("sign", str(trust), "--key", str(path))


def test_a_key_is_never_replaced(offline: Offline) -> None:
    path = offline.make("release", "release")
    before = Path(path).read_bytes()
    assert "never replaced" in offline.refused("make", "release", path)
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize("role", ["root", "release"])
def test_the_service_can_read_no_key_but_the_online_one(offline: Offline, role: str) -> None:
    inside = offline.data_dir / "keys" / "key.pem"
    assert "where the service can read it" in offline.refused("make", role, str(inside))
    assert not inside.exists()


@pytest.mark.parametrize("role", ["root", "release", "online"])
def test_no_key_is_made_in_a_git_repository(offline: Offline, role: str) -> None:
    repository = offline.folder / "repository"
    repository.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    inside = repository / "sub" / "key.pem"
    assert "Git repository" in offline.refused("make", role, str(inside))
    assert not inside.exists()


def test_a_key_can_have_a_passphrase(offline: Offline) -> None:
    path = offline.folder / "root.pem"
    offline.done("make", "root", str(path), "--encrypt", FLEET_KEY_PASSPHRASE="correct horse")
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
    trust = offline.folder / "x.json"
    trust.write_bytes(_some_envelope(offline))
    words = ("sign", str(trust), "--key", str(path))
    assert "cannot be opened" in offline.refused(*words, FLEET_KEY_PASSPHRASE="wrong")
    assert "signed with key" in offline.done(*words, FLEET_KEY_PASSPHRASE="correct horse")


def test_what_is_no_document_of_ours_is_not_signed(offline: Offline) -> None:
    key = offline.make("root", "root")
    strange = offline.folder / "strange.json"
    strange.write_text('{"payload":"e30=","payloadType":"text/plain","signatures":[]}')
    assert "unknown payload type" in offline.refused("sign", str(strange), "--key", key)
    strange.write_text("hello")
    assert "not an envelope" in offline.refused("sign", str(strange), "--key", key)


def _some_envelope(offline: Offline) -> bytes:
    from fleet.signing.sign import write_envelope

    return write_envelope(Ceremony(offline.folder / "others").envelope)


# --- in the service -------------------------------------------------------------------------------


@pytest.fixture
def ceremony(tmp_path: Path) -> Ceremony:
    return Ceremony(tmp_path / "keys", now())


def now() -> datetime:
    return datetime.now(UTC)


def test_every_enrolled_device_is_told_the_whole_chain(app: Flask, ceremony: Ceremony) -> None:
    hospital = Hospital(app)
    hospital.register("CART-1", "CART-2")
    following = ceremony.sign(ceremony.rotated(), "root-1", "root-2")
    with app.app_context():
        install_trust(ceremony.envelope, "user:ada", now())
        assert install_trust(following, "user:ada", now()).told == 2
        query = select(OutboxMessage.payload, OutboxMessage.retain).filter_by(
            topic="fleet/v1/down/cart-1/trust"
        )
        ((payload, retain),) = db.session.execute(query).all()
        entries = db.session.scalars(
            select(AuditEntry.subject).where(AuditEntry.action == "trust.install")
        ).all()
    assert retain
    assert msgspec.json.decode(payload, type=TrustChain).chain == [ceremony.envelope, following]
    assert entries == ["trust/1", "trust/2"]


def test_what_does_not_follow_changes_nothing(app: Flask, ceremony: Ceremony) -> None:
    stranger = Ceremony(ceremony.folder / "stranger", now())
    with app.app_context():
        install_trust(ceremony.envelope, "user:ada", now())
        for bad in (stranger.envelope, ceremony.envelope, ceremony.sign(ceremony.rotated())):
            with pytest.raises(Invalid):
                install_trust(bad, "user:ada", now())
        assert list(db.session.scalars(select(TrustVersion.version))) == [1]


def test_an_expired_trust_document_is_not_installed(app: Flask, ceremony: Ceremony) -> None:
    with app.app_context(), pytest.raises(Invalid, match="expired"):
        install_trust(ceremony.envelope, "user:ada", now() + timedelta(days=366))


def test_a_row_that_nobody_has_signed_is_found_out(app: Flask, ceremony: Ceremony) -> None:
    stranger = Ceremony(ceremony.folder / "stranger", now())
    following = stranger.sign(stranger.rotated(), "root-1", "root-2")
    with app.app_context():
        install_trust(ceremony.envelope, "user:ada", now())
        with transaction() as session:
            row = TrustVersion(version=2, envelope=msgspec.json.encode(following), expires_at=now(),
                               installed_at=now(), installed_by="x")  # fmt: skip
            session.add(row)
        with pytest.raises(Conflict, match="do not hold"):
            trust_in_force(db.session())


def test_no_private_key_is_in_the_database(app: Flask, ceremony: Ceremony) -> None:
    """Every byte that a table holds, in text and in columns of bytes."""
    with app.app_context():
        install_trust(ceremony.envelope, "user:ada", now())
        from fleet.store.database import Base

        kept = ""
        for table in Base.metadata.sorted_tables:
            for row in db.session.execute(select(table)):
                kept += "".join(
                    v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in row
                )
    assert ceremony.halves["online"].keyid in kept or "keys" in kept
    for name in ceremony.signers:
        pem = (ceremony.folder / f"{name}.pem").read_text()
        assert pem.splitlines()[1] not in kept
    assert "PRIVATE KEY" not in kept
    assert os.environ.get("FLEET_KEY_PASSPHRASE") is None
