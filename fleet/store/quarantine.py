"""Messages that could not be accepted, with the reason."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant

KEPT_BYTES = 2_048
"""Of a payload, this much is kept: enough to see what it was."""


class QuarantinedMessage(Base):
    """`device_id` is the topic's, whether such a device exists or not."""

    __tablename__ = "quarantined_message"
    __table_args__ = (
        Index("ix_quarantined_message_device", "device_id", "id"),
        Index("ix_quarantined_message_received", "received_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    topic: Mapped[str] = mapped_column(String(256))
    device_id: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(512))
    size_bytes: Mapped[int]
    payload_start: Mapped[bytes] = mapped_column(LargeBinary)
