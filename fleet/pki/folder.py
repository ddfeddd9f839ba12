"""The authority's folder in the data directory: made on the first start, kept in backups.

`ca.key` is readable by its user alone. Where a CA of one's own is configured, only what that signs
is here.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fleet.pki.authority import Authority, Revoked, crl_url_of, is_due, self_signed
from fleet.wire.files import PRIVATE, write, write_once
from fleet.wire.requests import key_pem, new_key
from fleet.wire.tls import TlsFiles

SERVICES = ("ingest", "schedule", "doctor")
"""Who of the service speaks MQTT: each with a name of its own, for the broker knows it by that."""
_PEM = serialization.Encoding.PEM


class AuthorityError(ValueError):
    """A certificate authority that cannot be used; the message names the file."""


def service_name(service: str) -> str:
    """No device can be called so (`wire.topics.DEVICE_ID`)."""
    return f"wardfleet.{service}"


class Folder:
    """`own`: certificate (or chain) and key of a CA of one's own; `crl_url`: as of an Authority."""

    def __init__(
        self, path: Path, own: tuple[Path, Path] | None = None, crl_url: str | None = None
    ) -> None:
        self.path = path
        self.crl_url = crl_url
        self._cert, self._key = own or (path / "ca.crt", path / "ca.key")
        self._is_own = own is not None

    @property
    def ca(self) -> Path:
        """What devices and services trust, and the broker too."""
        return self._cert

    @property
    def crl(self) -> Path:
        return self.path / "crl.pem"

    @property
    def served_crl(self) -> Path:
        """The same list, as it is to be served at `crl_url`; only there where that is set."""
        return self.path / "crl-served.pem"

    def files(self, name: str) -> TlsFiles:
        """Where the certificate of a service is; `server`: of whatever listens."""
        return TlsFiles(self.ca, *self._pair(name))

    def _pair(self, name: str) -> tuple[Path, Path]:
        return self.path / f"{name}.crt", self.path / f"{name}.key"

    def ca_sha256(self) -> str:
        """By which a label names the authority. Raises AuthorityError where there is none."""
        try:
            chain = x509.load_pem_x509_certificates(self._cert.read_bytes())
        except (OSError, ValueError) as error:
            raise AuthorityError(f"{self._cert}: {error}") from error
        return chain[0].fingerprint(hashes.SHA256()).hex()

    def authority(self) -> Authority:
        """Raises AuthorityError where there is none, or where it is none."""
        try:
            key = serialization.load_pem_private_key(self._key.read_bytes(), None)
            chain = x509.load_pem_x509_certificates(self._cert.read_bytes())
        except OSError as error:
            raise AuthorityError(f"{error.filename}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise AuthorityError(
                f"{self._cert}, {self._key}: must be PEM, and the key without a password ({error})"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise AuthorityError(f"{self._key}: must be an EC or RSA key")
        if key.public_key() != chain[0].public_key():
            raise AuthorityError(f"{self._key}: is not the key of the first one in {self._cert}")
        _must_sign(chain, self._cert)
        return Authority(key, chain, self.crl_url)

    def make(self, server_names: Sequence[str], now: datetime) -> Authority:
        """Everything that is not there yet, or due for renewal; a second start changes nothing."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        if not self._is_own:
            self._make_authority(now)
        authority = self.authority()
        self.renew(authority, server_names, now)
        crl = self.read_crl()
        if crl is None or crl.issuer != authority.certificate.subject:
            self.write_crl(authority, [], now)
        elif self.crl_url is not None and self._served_at() != self.crl_url:
            listed = [Revoked(entry.serial_number, entry.revocation_date_utc) for entry in crl]
            self.write_crl(authority, listed, now)
        return authority

    def renew(self, authority: Authority, server_names: Sequence[str], now: datetime) -> None:
        """Certificates of the broker and the services that are missing, due, or another CA's."""
        if self._is_stale("server", authority, now, hosts=server_names):
            key = new_key()
            certificate = authority.sign_server(key.public_key(), server_names, now)
            self._keep("server", key, [certificate, *authority.chain[:-1]])
        for service in SERVICES:
            if self._is_stale(service, authority, now, crl_url=self.crl_url):
                key = new_key()
                name = service_name(service)
                certificate = authority.sign_client(key.public_key(), name, now)
                self._keep(service, key, [certificate])

    def write_crl(self, authority: Authority, revoked: Iterable[Revoked], now: datetime) -> None:
        """Where it is served too, that first: a list that is there is there in both."""
        revoked, before = list(revoked), self.read_crl()
        if self.crl_url is not None:
            served = authority.revocation_list(revoked, now, before, at_url=True)
            write(self.served_crl, served.public_bytes(_PEM))
        write(self.crl, authority.revocation_list(revoked, now, before).public_bytes(_PEM))

    def read_crl(self) -> x509.CertificateRevocationList | None:
        return _read_crl(self.crl)

    def _served_at(self) -> str | None:
        served = _read_crl(self.served_crl)
        if served is None:
            return None
        point = served.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
        return str(point.full_name[0].value) if point.full_name else None

    def _make_authority(self, now: datetime) -> None:
        write_once(self._key, key_pem(new_key()))
        if not self._cert.exists():
            key = serialization.load_pem_private_key(self._key.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            certificate = self_signed(key, f"Wardfleet CA {secrets.token_hex(4)}", now)
            write(self._cert, certificate.public_bytes(_PEM))

    def _is_stale(
        self,
        name: str,
        authority: Authority,
        now: datetime,
        *,
        hosts: Sequence[str] = (),
        crl_url: str | None = None,
    ) -> bool:
        cert_path, key_path = self._pair(name)
        if not (cert_path.exists() and key_path.exists()):
            return True
        certificate = x509.load_pem_x509_certificate(cert_path.read_bytes())
        return (
            not is_fresh(certificate, authority, now, hosts) or crl_url_of(certificate) != crl_url
        )

    def _keep(
        self, name: str, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]
    ) -> None:
        """The key first: a certificate without its key would be taken for fresh."""
        cert_path, key_path = self._pair(name)
        cert_path.unlink(missing_ok=True)
        write(key_path, key_pem(key), PRIVATE)
        write(cert_path, b"".join(each.public_bytes(_PEM) for each in chain))


def is_fresh(
    certificate: x509.Certificate, authority: Authority, now: datetime, hosts: Sequence[str] = ()
) -> bool:
    """Whether it is of this authority, not due for renewal, and names all these hosts."""
    if is_due(certificate, now) or not set(hosts) <= _hosts(certificate):
        return False
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read_crl(path: Path) -> x509.CertificateRevocationList | None:
    return x509.load_pem_x509_crl(path.read_bytes()) if path.exists() else None


def _must_sign(chain: Sequence[x509.Certificate], path: Path) -> None:
    try:
        constraints = chain[0].extensions.get_extension_for_class(x509.BasicConstraints)
        usage = chain[0].extensions.get_extension_for_class(x509.KeyUsage)
        chain[0].extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound as error:
        raise AuthorityError(f"{path}: is no authority's certificate ({error})") from error
    if not (constraints.value.ca and usage.value.key_cert_sign and usage.value.crl_sign):
        raise AuthorityError(f"{path}: may not sign certificates and revocation lists")


def _hosts(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}
