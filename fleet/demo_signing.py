"""The demo hospital's keys: here alone they lie beside the service, which a demo can afford."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from fleet.services.add_release import add_release
from fleet.services.install_trust import install_trust
from fleet.services.sign_profile import manifest_of, sign_profile
from fleet.signing.ceremony import RoleKeys, firmware_manifest, first_trust
from fleet.signing.keys import load_signer, make_key
from fleet.signing.online import online_key_path
from fleet.signing.sign import signed
from fleet.store.artifacts import Artifacts
from fleet.trust.documents import Requires
from fleet.wire.files import write
from fleet.wire.messages import encode

YEAR = timedelta(days=365)
IMAGE_BYTES = 600_000
"""Of a made-up release: a few parts of a download."""
ROOTS = ("root-1", "root-2", "root-3")


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """In `folder`. In a hospital, root and release keys lie in two drawers and not here."""

    folder: Path
    data_dir: Path

    @property
    def trust(self) -> Path:
        """The first trust document, for devices to begin with."""
        return self.folder / "trust.json"

    def make(self, actor: str, now: datetime) -> None:
        """Keys of every role, and the trust document, which is in force from then on."""
        root = [make_key(self._key(name)) for name in ROOTS]
        release, online = make_key(self._key("release")), make_key(online_key_path(self.data_dir))
        keys = RoleKeys(root, [release], [online])
        signers = [load_signer(self._key(name)) for name in ROOTS[:2]]
        envelope = signed(first_trust(keys, now, YEAR), *signers)
        install_trust(envelope, actor, now)
        write(self.trust, encode(envelope))

    def sign_profile(self, slug: str, number: int, actor: str, now: datetime) -> None:
        release = load_signer(self._key("release"))
        envelope = signed(manifest_of(slug, number, now, YEAR), release)
        sign_profile(slug, number, envelope, actor, now)

    def add_release(
        self, version: str, counter: int, models: Sequence[str], actor: str, now: datetime
    ) -> str:
        """A release of random bytes. Returns its manifest id."""
        image = self.folder / f"{version}.img"
        image.write_bytes(Random(version).randbytes(IMAGE_BYTES))  # noqa: S311 - a made-up file
        needs = Requires(min_soc_pct=50, on_mains=True, idle=True)
        manifest = firmware_manifest(image, version, models, counter, now, YEAR, needs)
        envelope = signed(manifest, load_signer(self._key("release")))
        add_release(image, envelope, Artifacts(self.data_dir), actor, now)
        image.unlink()
        return manifest.manifest_id

    def _key(self, name: str) -> Path:
        return self.folder / f"{name}.pem"
