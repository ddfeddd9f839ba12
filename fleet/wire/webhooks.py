"""How a webhook is signed, and how its receiver checks that: Standard Webhooks 1.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
HMAC-SHA256 over `id.timestamp.body`, base 64 after `v1,`. A receiver in Python may take `verify` as
it stands; it needs nothing but the standard library.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
"""A message that is older was perhaps recorded on its way, and is sent again by somebody else."""
PREFIX = "whsec_"
_VERSION = "v1,"


class BadSignature(Exception):
    """The message is not from who shares the secret, was changed, or is too old; it says which."""


def headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """What is sent with the body. `at`: the moment of sending, not of the event."""
    timestamp = str(int(at.timestamp()))
    signature = _VERSION + _signature(_key(secret), message_id, timestamp, body)
    return {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: signature}


def verify(
    secret: str,
    given: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The message's id, by which one that comes twice is known. Raises BadSignature.

    `given`: the headers of the request, `body`: just the bytes that came, before they are parsed.
    One of several signatures is enough: so a secret can be exchanged.
    """
    lower = {name.lower(): value for name, value in given.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not lower.get(name)]
    if missing:
        raise BadSignature(f"no {missing[0]}")
    message_id, timestamp = lower[ID], lower[TIMESTAMP]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise BadSignature(f"{TIMESTAMP} is no number of seconds")
    sent = datetime.fromtimestamp(int(timestamp), UTC)
    if abs(now - sent) > tolerance:
        raise BadSignature(f"sent at {sent.isoformat()}, which is too far from now")
    wanted = _signature(_key(secret), message_id, timestamp, body)
    signatures = lower[SIGNATURE].split(" ")
    if not any(_is_same(one, _VERSION + wanted) for one in signatures):
        raise BadSignature("the signature is not that of this message")
    return message_id


def secret_of(key: bytes) -> str:
    """As it is shown: base 64 after `whsec_`."""
    return PREFIX + base64.b64encode(key).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a secret is {PREFIX} and base 64") from error


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
