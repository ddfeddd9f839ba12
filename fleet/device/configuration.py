"""The device's side of desired and reported: apply what is told, and say what is there.

A value that changes on the device is reported, not put right: that is the service's decision, by
its next generation.
"""

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from fleet.device.hardware import Hardware
from fleet.device.journal import Applied, Journal
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.domain.versions import is_at_least
from fleet.trust.refusal import Refused
from fleet.wire.digest import document_sha256
from fleet.wire.messages import (
    PROTOCOL_VERSION,
    Desired,
    DesiredDocument,
    ReasonCode,
    Reported,
    ReportedItem,
    RequiredApp,
)

log = logging.getLogger(__name__)

Permit = Callable[[Desired, datetime], None]
"""Raises Refused for a desired state that is not to be followed."""


def anything(_desired: Desired, _now: datetime) -> None:
    """As long as no trust document is there."""


INTERVAL_S = range(1, 86_401)
"""Reporting intervals that the device agrees to."""


class Configuration:
    """Applies desired states through the hardware and remembers them in the journal."""

    def __init__(
        self,
        journal: Journal,
        hardware: Hardware,
        default_interval_s: int = DEFAULT_INTERVAL_S,
        permit: Permit = anything,
    ) -> None:
        self._permit = permit
        self._journal = journal
        self._hardware = hardware
        self._default_interval_s = default_interval_s

    @property
    def generation(self) -> int:
        return self._journal.applied.generation

    @property
    def interval_s(self) -> int:
        """Seconds between two readings."""
        document = self._document
        if document is None or document.reporting_interval_s not in INTERVAL_S:
            return self._default_interval_s
        return document.reporting_interval_s

    @property
    def required_apps(self) -> list[str]:
        return [app.name for app in self._document.apps] if self._document else []

    def adopt(self, payload: bytes, now: datetime) -> bool:
        """Apply a `desired` message. False where nothing was done: damaged, outdated or known."""
        try:
            desired = msgspec.json.decode(payload, type=Desired)
        except msgspec.DecodeError as error:
            log.warning("desired state cannot be read: %s", error)
            return False
        applied = self._journal.applied
        if (desired.generation, desired.sha256) == (applied.generation, applied.sha256):
            return False
        if desired.generation < applied.generation:
            log.warning("generation %d is older than %d", desired.generation, applied.generation)
            return False
        if document_sha256(desired.document) != desired.sha256:
            log.warning("generation %d does not match its fingerprint", desired.generation)
            return False
        try:
            self._permit(desired, now)
        except Refused as refusal:
            log.warning("generation %d is refused: %s", desired.generation, refusal)
            return False
        self._apply(desired, now)
        return True

    def report(self) -> Reported:
        """What the device has now, in the next `reported` message."""
        applied = self._journal.applied
        return Reported(
            v=PROTOCOL_VERSION,
            boot=self._journal.boot,
            seq=self._journal.next_report_seq(),
            generation=applied.generation,
            sha256=applied.sha256,
            items=self.items(),
            applied_at=applied.applied_at,
        )

    def items(self) -> list[ReportedItem]:
        """Every path of the applied document as it is now, read back from the hardware."""
        settings, apps = (
            ({}, [])
            if self._document is None
            else (
                self._document.settings,
                self._document.apps,
            )
        )
        return [
            *(self._setting_item(key) for key in sorted(settings)),
            *(self._app_item(app) for app in apps),
            ReportedItem("firmware", self._hardware.firmware),
            self._interval_item(),
        ]

    @property
    def _document(self) -> DesiredDocument | None:
        return self._journal.applied.document

    def _apply(self, desired: Desired, now: datetime) -> None:
        """Remembered only when all is applied: after a power cut on the way, it is done again."""
        reasons: dict[str, ReasonCode] = {}
        for key, value in desired.document.settings.items():
            reason = self._hardware.apply_setting(key, value)
            if reason is not None:
                reasons[key] = reason
        self._journal.apply(
            Applied(desired.generation, desired.sha256, desired.document, now, reasons)
        )
        log.info("applied generation %d of %s", desired.generation, desired.profile.slug)

    def _setting_item(self, key: str) -> ReportedItem:
        reason = self._journal.applied.reasons.get(key)
        return ReportedItem(f"settings.{key}", self._hardware.setting(key), reason)

    def _app_item(self, app: RequiredApp) -> ReportedItem:
        version = self._hardware.app_version(app.name)
        reason: ReasonCode | None = None
        if version is None:
            reason = "APP_NOT_INSTALLED"
        elif not is_at_least(version, app.version):
            reason = "APP_NOT_UPDATED"
        return ReportedItem(f"apps.{app.name}", version, reason)

    def _interval_item(self) -> ReportedItem:
        asked = self._document.reporting_interval_s if self._document else self.interval_s
        reason: ReasonCode | None = None if asked == self.interval_s else "INVALID_VALUE"
        return ReportedItem("reporting_interval_s", self.interval_s, reason)
