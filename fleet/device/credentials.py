"""The device's own key, which never leaves it, and the certificate that it has for it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.wire.files import PRIVATE, write
from fleet.wire.requests import key_pem, new_key, request
from fleet.wire.tls import TlsFiles

_PEM = serialization.Encoding.PEM


class Credentials:
    """Files in `folder`, named after the device.

    A new key waits in a file of its own until its certificate has come: until then the former pair
    stays in use, so that a device which loses its power in between can still speak.
    """

    def __init__(self, folder: Path, device_id: str) -> None:
        self._device_id = device_id
        self._next_key = folder / f"{device_id}.key.next"
        self._pair = folder / f"{device_id}.pem"
        self._ca = folder / f"{device_id}.ca.pem"

    @property
    def certificate(self) -> x509.Certificate | None:
        if not self._pair.exists():
            return None
        return x509.load_pem_x509_certificate(self._pair.read_bytes())

    def is_due(self, now: datetime) -> bool:
        """Whether there is no certificate, or two thirds of its life are over."""
        certificate = self.certificate
        if certificate is None:
            return True
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return now >= begin + (end - begin) * 2 / 3

    def tls(self) -> TlsFiles | None:
        """None before the device has enrolled."""
        if not (self._pair.exists() and self._ca.exists()):
            return None
        return TlsFiles(self._ca, self._pair, self._pair)

    def request(self) -> x509.CertificateSigningRequest:
        """For a new key; the same one until `keep`."""
        return request(self._waiting_key(), self._device_id)

    def keep(self, chain: Sequence[x509.Certificate], trusted: bytes) -> None:
        """The answer to `request`. ValueError where it is for another key or another name."""
        key = self._waiting_key()
        if chain[0].public_key() != key.public_key():
            raise ValueError("the certificate is for another key")
        self._ca.parent.mkdir(parents=True, exist_ok=True)
        write(self._ca, trusted)
        certificates = b"".join(each.public_bytes(_PEM) for each in chain)
        write(self._pair, certificates + key_pem(key), PRIVATE)
        self._next_key.unlink()

    def trusted(self) -> bytes | None:
        """The authority's certificates, PEM."""
        return self._ca.read_bytes() if self._ca.exists() else None

    def wipe(self) -> None:
        for path in (self._next_key, self._pair, self._ca):
            path.unlink(missing_ok=True)

    def _waiting_key(self) -> ec.EllipticCurvePrivateKey:
        if not self._next_key.exists():
            self._next_key.parent.mkdir(parents=True, exist_ok=True)
            write(self._next_key, key_pem(new_key()), PRIVATE)
        key = serialization.load_pem_private_key(self._next_key.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self._next_key}: must be an EC key")  # noqa: TRY004 - of a file
        return key
