"""The online key: it says which device does what, and can sign nothing else."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex

from fleet.signing.keys import load_signer
from fleet.signing.sign import signed
from fleet.trust.documents import Direction
from fleet.wire.envelope import Envelope

DIRECTED_FOR = timedelta(days=30)
"""A device that is away longer is directed anew when it is back."""

Direct = Callable[[str, str, int | None, datetime], Envelope]
"""(device id, SHA-256 of the manifest, generation, now) -> a direction."""


def online_key_path(data_dir: Path) -> Path:
    return data_dir / "signing" / "online.pem"


def online_key(data_dir: Path) -> Direct:
    """Raises KeyFileError where there is no key, or one that cannot be used."""
    signer = load_signer(online_key_path(data_dir))

    def direct(
        device_id: str, manifest_sha256: str, generation: int | None, now: datetime
    ) -> Envelope:
        direction = Direction(
            device_id=device_id,
            manifest_sha256=manifest_sha256,
            nonce=token_hex(16),
            generation=generation,
            issued_at=now,
            expires_at=now + DIRECTED_FOR,
        )
        return signed(direction, signer)

    return direct
