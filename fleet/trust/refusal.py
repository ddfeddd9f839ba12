"""Why a signed document is not followed: a word for programs, and words for people."""

from enum import StrEnum


class Reason(StrEnum):
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    """Trust is switched on, and this came without a signature."""
    TOO_FEW_SIGNERS = "too_few_signers"
    EXPIRED = "expired"
    WRONG_HARDWARE = "wrong_hardware"
    OLDER_THAN_SEEN = "older_than_seen"
    WRONG_DEVICE = "wrong_device"
    WRONG_MANIFEST = "wrong_manifest"
    """The direction, the downgrade or the profile is about another document."""
    CARRIED_OUT = "carried_out"
    """A direction is followed once."""
    WRONG_LENGTH = "wrong_length"
    WRONG_SHA256 = "wrong_sha256"


class Refused(Exception):
    """`str()` is fit to be shown."""

    def __init__(self, reason: Reason, words: str) -> None:
        super().__init__(words)
        self.reason = reason
