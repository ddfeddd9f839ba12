"""Releases in a hospital: keys, a trust document that is installed, and files that are entered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask

from fleet.services.add_release import Added, add_release
from fleet.services.install_trust import install_trust
from fleet.signing.online import online_key_path
from fleet.store.artifacts import Artifacts
from fleet.wire.envelope import Envelope
from tests.support.signing import Ceremony

ACTOR = "user:ada"


class Workshop:
    """Where releases of this hospital are built and signed."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app, self.folder = app, folder
        self.ceremony = Ceremony(folder / "keys", datetime.now(UTC))
        self.artifacts = Artifacts(app.config["FLEET"].data_dir)
        with app.app_context():
            install_trust(self.ceremony.envelope, ACTOR, datetime.now(UTC))

    def hand_over_online_key(self) -> None:
        """To the service, as `fleet keys` leaves it there."""
        key = online_key_path(self.app.config["FLEET"].data_dir)
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_bytes((self.ceremony.folder / "online.pem").read_bytes())
        key.chmod(0o600)

    def file(self, content: bytes, name: str = "image.bin") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def add(
        self,
        content: bytes = b"image",
        file: bytes | None = None,
        downgrade: Envelope | None = None,
        envelope: Envelope | None = None,
        **changed: Any,
    ) -> Added:
        """`file`: what lies there instead of what was signed."""
        manifest = envelope or self.ceremony.manifest(content, **changed)
        path = self.file(content if file is None else file)
        now = datetime.now(UTC)
        with self.app.app_context():
            return add_release(path, manifest, self.artifacts, ACTOR, now, downgrade)
