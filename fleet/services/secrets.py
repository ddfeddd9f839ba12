"""Secrets that are shown once and kept only as their hash."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """SHA-256 (hex). Enough for a random token: only passwords need a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
