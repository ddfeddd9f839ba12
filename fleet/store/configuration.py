"""Desired and reported configuration of a device, and the service's judgement of the two."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.domain.words import ComplianceState
from fleet.store.database import Base
from fleet.store.device import Device
from fleet.store.profile import ProfileVersion
from fleet.store.types import Instant


class Configuration(Base):
    """One row a device, made with it.

    `judge_after`: when silence alone changes the judgement (a deadline, indexed); None while
    nothing is due. `compliant_generation`: the newest generation that was once fully applied,
    which tells drift from never having complied.
    """

    __tablename__ = "configuration"
    __table_args__ = (
        Index("ix_configuration_judge_after", "judge_after"),
        Index("ix_configuration_compliance", "compliance"),
        Index("ix_configuration_profile_version", "profile_version_id"),
    )

    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)

    generation: Mapped[int] = mapped_column(BigInteger, default=0)
    profile_version_id: Mapped[int | None] = mapped_column(ForeignKey("profile_version.id"))
    desired_sha256: Mapped[str | None] = mapped_column(String(64))
    desired_at: Mapped[datetime | None] = mapped_column(Instant)
    repairs: Mapped[int] = mapped_column(default=0)
    repaired_at: Mapped[datetime | None] = mapped_column(Instant)

    reported_boot: Mapped[int] = mapped_column(BigInteger, default=-1)
    reported_seq: Mapped[int] = mapped_column(BigInteger, default=-1)
    reported_generation: Mapped[int | None] = mapped_column(BigInteger)
    reported_sha256: Mapped[str | None] = mapped_column(String(64))
    reported_items: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    applied_at: Mapped[datetime | None] = mapped_column(Instant)
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    reporting_since: Mapped[datetime | None] = mapped_column(Instant)
    """The first report after a silence: a device that was off for a week has time to apply."""

    compliance: Mapped[str] = mapped_column(String(16), default=ComplianceState.UNKNOWN)
    compliance_reason: Mapped[str | None] = mapped_column(String(256))
    compliance_since: Mapped[datetime | None] = mapped_column(Instant)
    compliant_generation: Mapped[int | None] = mapped_column(BigInteger)
    judge_after: Mapped[datetime | None] = mapped_column(Instant)

    device: Mapped[Device] = relationship()
    profile_version: Mapped[ProfileVersion | None] = relationship()
