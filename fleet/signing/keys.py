"""Ed25519 keys in files that their owner alone can read: PKCS #8 in PEM, and its public half."""

import os
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from securesystemslib.signer import CryptoSigner, SSlibKey

from fleet.trust.envelope import KeyId, PublicKey, key_id

_SCHEME = "ed25519"
_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


class KeyFileError(ValueError):
    """A key file that cannot be used, and what would be right."""


class PublicHalf(Struct):
    """The file beside a private key, to be carried to whoever writes the trust document."""

    keyid: KeyId
    public: PublicKey

    def __post_init__(self) -> None:
        if key_id(self.public) != self.keyid:
            raise ValueError("keyid: is not the SHA-256 of its key")


def make_key(path: Path, passphrase: str | None = None) -> PublicHalf:
    """A new key at `path`, and `path`.pub. Raises KeyFileError where there is one already."""
    private = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    half = _public_half(private)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(path, pem, 0o600)
        _write_new(public_path(path), msgspec.json.encode(half) + b"\n", 0o644)
    except OSError as error:
        raise KeyFileError(
            f"{error.filename}: {error.strerror}; a key is never replaced"
        ) from error
    return half


def public_path(path: Path) -> Path:
    return path.with_name(path.name + ".pub")


def read_public(path: Path) -> PublicHalf:
    """Raises KeyFileError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=PublicHalf)
    except (OSError, msgspec.DecodeError) as error:
        raise KeyFileError(f"{path}: not the .pub file of a key: {error}") from error


def is_encrypted(path: Path) -> bool:
    return b"ENCRYPTED" in _read(path).partition(b"\n")[0]


def load_signer(path: Path, passphrase: str | None = None) -> CryptoSigner:
    """Raises KeyFileError: no key, another kind of key, a wrong passphrase, open to others."""
    pem = _read(path)
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path}: others can read it; chmod 600 it, or make a new key")
    try:
        private = serialization.load_pem_private_key(
            pem, passphrase.encode() if passphrase else None
        )
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: cannot be opened: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: not an Ed25519 key")
    return CryptoSigner(
        private, SSlibKey.from_crypto(private.public_key(), _public_half(private).keyid, _SCHEME)
    )


def _public_half(private: Ed25519PrivateKey) -> PublicHalf:
    public = private.public_key().public_bytes(*_RAW)
    return PublicHalf(key_id(public), public)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
