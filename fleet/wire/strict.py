"""JSON in which an object gives a key twice: readers differ on what it means, so none may guess."""

import json
from typing import Any

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def gives_a_key_twice(payload: bytes, message: Struct) -> bool:
    """Whether an object in `payload`, which was decoded to `message`, has two keys alike.

    The decoder keeps the last of them. So a message that encodes to as many quotation marks as it
    came with has lost no key: 1 us. Where it says more than we know, the same is asked of its
    plain decoding: 3 us more. An escape may be a quotation mark: then every key is looked at.
    `message` must be of a Struct that omits its defaults: none may stand for a key that was lost.
    """
    if b"\\" in payload:
        return _looks_closely(payload)
    marks = payload.count(b'"')
    return marks != _encode(message).count(b'"') and marks != _encode(_decode(payload)).count(b'"')


def _looks_closely(payload: bytes) -> bool:
    found = False

    def note(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found |= len({key for key, _ in pairs}) < len(pairs)

    json.loads(payload, object_pairs_hook=note)
    return found
