"""The words of the product: one word, one meaning."""

from enum import StrEnum


class DeviceKind(StrEnum):
    MEDICATION_CART = "medication_cart"
    TABLET = "tablet"


class Lifecycle(StrEnum):
    ENROLLED = "enrolled"
    DECOMMISSIONED = "decommissioned"


class Identity(StrEnum):
    """Whether a device can prove who it is, and may."""

    CERTIFIED = "certified"
    PENDING = "pending"
    """It has shown its token; IT has not approved it."""
    UNCERTIFIED = "uncertified"
    """It never had a certificate."""
    REVOKED = "revoked"
    EXPIRED = "expired"
    DECOMMISSIONED = "decommissioned"


class Availability(StrEnum):
    """Can a nurse take this device now?"""

    AVAILABLE = "available"
    IN_USE = "in_use"
    CHARGING = "charging"
    LOW = "low"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class ComplianceState(StrEnum):
    """The service's judgement of what a device has against what it should have."""

    COMPLIANT = "compliant"
    PENDING = "pending"
    DRIFTED = "drifted"
    NONCOMPLIANT = "noncompliant"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


class AlertKind(StrEnum):
    NEEDS_CHARGING = "needs_charging"
    NEEDS_REPLACEMENT = "needs_replacement"
    OFFLINE = "offline"
    APP_FAILED = "app_failed"
    NOT_CHARGING = "not_charging"
    """Plugged in, and yet the charge does not rise: a dead outlet or charger."""
    NONCOMPLIANT = "noncompliant"
    OUTAGE = "outage"
    """Many devices of a ward or site silent at once: its network or its power."""
    OVERHEATING = "overheating"
    SWELLING = "swelling"
    """A pack that may be swollen."""
    GAUGE_LIES = "gauge_lies"
    """What a pack says of its charge cannot be believed: a guided run-down test puts it right."""
    NO_POWER = "no_power"
    """It stands where devices are charged, and nothing comes."""
    DEAD_OUTLET = "dead_outlet"
    """The same for every device of a place, at once."""
    ROLLOUT_HALTED = "rollout_halted"
    """A rollout has stopped, by itself or by hand, and waits for somebody to decide."""


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """What became of a call to charge."""

    CHARGED = "charged"
    DIED = "died"
    IGNORED = "ignored"


class Scope(StrEnum):
    """What a profile is assigned to, from the widest to the most specific."""

    SITE = "site"
    KIND = "kind"
    WARD = "ward"
    DEVICE = "device"


class Chemistry(StrEnum):
    LIFEPO4 = "LiFePO4"
    NMC = "NMC"
    LCO = "LCO"
    LEAD_ACID = "lead-acid"
