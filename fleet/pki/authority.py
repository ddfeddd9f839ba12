"""What the authority signs: EC P-256, SHA-256, each certificate for one use (RFC 5280)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleet.wire.requests import named

CA_DAYS = 20 * 365
LEAF_DAYS = 90
"""Of devices, services and the broker alike; they are renewed at two thirds."""
CRL_DAYS = 30
"""A broker whose list is older refuses everybody (RFC 5280, 6.3.3): it is written anew each day."""
CLOCKS_DIFFER = timedelta(hours=1)
SETTLED = timedelta(minutes=1)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Revoked(NamedTuple):
    serial: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """`chain`: its own certificate, then those above it, as a CA of one's own may have them.

    `crl_url`: where its revocation list can be fetched, for brokers that do not read a file.
    """

    key: PrivateKey
    chain: Sequence[x509.Certificate]
    crl_url: str | None = None

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    def sign_client(
        self, public_key: CertificatePublicKeyTypes, name: str, now: datetime
    ) -> x509.Certificate:
        """For a device or a service: `name` is who it is to the broker."""
        builder = self._leaf(public_key, name, now)
        if self.crl_url is not None:
            builder = builder.add_extension(_fetched_from(self.crl_url), critical=False)
        return self._sign(builder, ExtendedKeyUsageOID.CLIENT_AUTH)

    def sign_server(
        self, public_key: CertificatePublicKeyTypes, names: Sequence[str], now: datetime
    ) -> x509.Certificate:
        """For whoever is reached by these host names and addresses."""
        builder = self._leaf(public_key, names[0][:64], now).add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
        return self._sign(builder, ExtendedKeyUsageOID.SERVER_AUTH)

    def revocation_list(
        self,
        revoked: Iterable[Revoked],
        now: datetime,
        before: x509.CertificateRevocationList | None,
        *,
        at_url: bool = False,
    ) -> x509.CertificateRevocationList:
        """The list that follows `before`; `at_url`: to be served at `crl_url`, which it then names.

        A broker that reloads may keep both, and believes the later one: each is later by a second
        at least, and none is of the future.
        """
        this_update = now - SETTLED
        if before is not None:
            this_update = max(this_update, before.last_update_utc + timedelta(seconds=1))
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(this_update)
            .next_update(this_update + timedelta(days=CRL_DAYS))
            .add_extension(x509.CRLNumber(int(this_update.timestamp())), critical=False)
            .add_extension(self._known_by(), critical=False)
        )
        if at_url and self.crl_url is not None:
            builder = builder.add_extension(_served_at(self.crl_url), critical=True)
        for serial, at in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256())

    def _leaf(
        self, public_key: CertificatePublicKeyTypes, name: str, now: datetime
    ) -> x509.CertificateBuilder:
        until = min(now + timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCKS_DIFFER)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(self._known_by(), critical=False)
        )

    def _sign(
        self, builder: x509.CertificateBuilder, use: x509.ObjectIdentifier
    ) -> x509.Certificate:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def _known_by(self) -> x509.AuthorityKeyIdentifier:
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def self_signed(key: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
    """An authority that answers to nobody, and signs no other authority."""
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def crl_url_of(certificate: x509.Certificate) -> str | None:
    """Where it says that its revocation list can be fetched."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return None
    names = [name for point in points for name in point.full_name or ()]
    return str(names[0].value) if names else None


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether two thirds of its life are over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * 2 / 3


def _usage(
    digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _fetched_from(url: str) -> x509.CRLDistributionPoints:
    name = [x509.UniformResourceIdentifier(url)]
    return x509.CRLDistributionPoints([x509.DistributionPoint(name, None, None, None)])


def _served_at(url: str) -> x509.IssuingDistributionPoint:
    """EMQX holds no list against a certificate that does not say so (its page "CRL check")."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
