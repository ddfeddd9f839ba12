"""What a broker of one's own needs, in a folder that is kept up to date: each file appears whole or
not at all, and is touched only where something has changed.
"""

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fleet.broker import ACL, Place, configuration, emqx
from fleet.pki.authority import Authority
from fleet.pki.folder import Folder, is_fresh
from fleet.wire.files import PRIVATE, PUBLIC, write
from fleet.wire.requests import key_pem, new_key
from fleet.wire.tls import TlsFiles

HANDED_OVER = ".handed-over"
"""Of the folder: the SHA-256 of what a command was last told of, and did not fail."""
PATIENCE_S = 120

_HEAD = """\
# Written by `fleet broker config`: run it again rather than change this.
# The user that Mosquitto runs as must own the files."""


class Kind(StrEnum):
    MOSQUITTO = "mosquitto"
    EMQX = "emqx"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`names`: by which devices reach it. `at`: where `folder` will lie on the broker's machine."""

    kind: Kind
    folder: Path
    names: Sequence[str]
    listen: tuple[str, int]
    at: Path

    def refresh(self, pki: Folder, authority: Authority, now: datetime) -> None:
        """Everything that is missing, another's, or due for renewal. The keys are readable by their
        user alone.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._put("ca.crt", pki.ca.read_bytes())
        self._renew_server(authority, now)
        if self.kind is Kind.EMQX:
            self._put("crl.pem", pki.served_crl.read_bytes())
            self._put("acl.conf", emqx.ACL.encode(), PRIVATE)
            self._put("wardfleet.hocon", emqx.configuration(self.listen, self.at).encode())
        else:
            self._put("crl.pem", pki.crl.read_bytes())
            self._put("acl", ACL.encode(), PRIVATE)
            self._put("conf.d/wardfleet.conf", self._mosquitto().encode())

    def hand_over(self, command: str) -> str | None:
        """Run it (by `sh`) unless it has succeeded with just these files. Returns why it failed."""
        marker, digest = self.folder / HANDED_OVER, self._digest()
        if marker.exists() and marker.read_text() == digest:
            return None
        try:
            done = subprocess.run(["/bin/sh", "-c", command], check=False, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            return f"not done after {PATIENCE_S} s"
        if done.returncode != 0:
            return f"ended with status {done.returncode}"
        write(marker, digest.encode())
        return None

    def _mosquitto(self) -> str:
        server = self.at / "server.pem"
        tls = TlsFiles(self.at / "ca.crt", server, server)
        return configuration(Place(*self.listen, self.at, tls, self.at / "crl.pem", _HEAD))

    def _renew_server(self, authority: Authority, now: datetime) -> None:
        """Certificate and key in one file: no broker ever finds one without the other."""
        path = self.folder / "server.pem"
        if path.exists():
            present = x509.load_pem_x509_certificate(path.read_bytes())
            if is_fresh(present, authority, now, self.names):
                return
        key = new_key()
        signed = authority.sign_server(key.public_key(), self.names, now)
        chain = [signed, *authority.chain[:-1]]
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
        write(path, pem + key_pem(key), PRIVATE)

    def _put(self, name: str, content: bytes, mode: int = PUBLIC) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            write(path, content, mode)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                content = hashlib.sha256(path.read_bytes()).digest()
                digest.update(str(path.relative_to(self.folder)).encode() + b"\0" + content)
        return digest.hexdigest()
