"""Messages about trust and firmware: what is signed in them, `fleet.trust` checks."""

import base64
import re
from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from fleet.wire.envelope import Envelope
from fleet.wire.messages import Counter, Label, Percent, Text, Version, encode

JobState = Literal[
    "offered",
    "downloading",
    "verified",
    "waiting",
    "installing",
    "rebooting",
    "succeeded",
    "failed",
    "rejected",
    "cancelled",
]
_JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
JobId = Annotated[str, Meta(pattern=_JOB_ID)]


def is_job_id(text: str) -> bool:
    return re.fullmatch(_JOB_ID, text) is not None


class TrustChain(Struct):
    """Down, retained on `trust`: every trust document since the first, oldest first."""

    v: Version
    chain: Annotated[list[Envelope], Meta(max_length=64)]


TAKEN_BACK = Raw(b"null")
"""In the place of an offer, and retained like it, so that it is heard after an absence as well."""


class Offer(Struct, omit_defaults=True):
    """Down, retained on `job`: install this release. `null`, or an empty message, takes it back.

    `direction`: by the online key, for this device and this manifest.
    """

    v: Version
    job_id: JobId
    manifest: Envelope
    direction: Envelope
    downgrade: Envelope | None = None


class JobReport(Struct, omit_defaults=True):
    """Up on `job/{job_id}`: how far it is. The newest is that with the highest (`boot`, `seq`).

    `reason` is a word for programs, `detail` is for people; `firmware` is what runs now.
    """

    v: Version
    boot: Counter
    seq: Counter
    state: JobState
    reason: Label | None = None
    detail: Text | None = None
    progress_pct: Percent | None = None
    firmware: Label | None = None
    device_id: str | None = None


HEADER_SCHEME = "Direction"
"""With its direction a device proves to the service that it is to have the file."""


def to_header(direction: Envelope) -> str:
    """The value of `Authorization`."""
    return f"{HEADER_SCHEME} {base64.urlsafe_b64encode(encode(direction)).decode()}"


def from_header(text: str) -> bytes:
    """What stands behind the scheme, decoded. Raises ValueError."""
    return base64.b64decode(text, altchars=b"-_", validate=True)
