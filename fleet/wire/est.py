"""Enrolment over Secure Transport (RFC 7030): what the bodies look like, for both sides."""

import base64
import binascii
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

ROOT = "/.well-known/est"
TRUST = "/trust"
"""Below the root, beside the operations of EST: the trust document in force, or 204."""
REQUEST_TYPE = "application/pkcs10"
CERTIFICATES_TYPE = "application/pkcs7-mime; smime-type=certs-only"


def certificates_body(certificates: Sequence[x509.Certificate]) -> bytes:
    """A certs-only PKCS #7 (4.1.3), base64 in lines."""
    return base64.encodebytes(pkcs7.serialize_certificates(list(certificates), Encoding.DER))


def read_certificates(body: bytes) -> list[x509.Certificate]:
    """Raises ValueError for what is none."""
    try:
        return pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    except binascii.Error as error:
        raise ValueError(f"certificates must be base64 ({error})") from error


def request_body(request: x509.CertificateSigningRequest) -> bytes:
    return base64.encodebytes(request.public_bytes(Encoding.DER))


def read_request(body: bytes) -> x509.CertificateSigningRequest:
    """DER in base64, as the RFC has it, or PEM. Raises ValueError."""
    try:
        if body.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_csr(body)
        return x509.load_der_x509_csr(base64.b64decode(body))
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"must be a PKCS #10 request in base64 ({error})") from error
