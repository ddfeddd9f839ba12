"""Passwords: argon2id, and what makes one too weak."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
"""Length is what counts (NIST SP 800-63B); no rules about kinds of characters."""

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")


def weakness(password: str, username: str) -> str | None:
    """What is wrong with a new password, or None."""
    if len(password) < MIN_LENGTH:
        return f"at least {MIN_LENGTH} characters"
    if len(password) > 256:
        return "at most 256 characters"
    if username and username.lower() in password.lower():
        return "must not contain the user name"
    if len(set(password)) < 5:
        return "at least 5 different characters"
    return None


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Takes as long for somebody who does not exist: the time tells no names."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False
