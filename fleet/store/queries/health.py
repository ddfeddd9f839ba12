"""The signs of life that `/readyz`, `/metrics` and `fleet doctor` look at."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.health import Sign
from fleet.store.models import ServiceHeartbeat, ServiceInstance


def signs_of_life(session: Session) -> list[Sign]:
    """The newest sign of each process of the service, on every machine."""
    query = select(
        ServiceInstance.process,
        ServiceInstance.instance,
        ServiceInstance.at,
        ServiceInstance.broker_connected,
        ServiceInstance.lag_ms,
        ServiceInstance.problem,
    )
    return [
        Sign(
            process=row.process,
            instance=row.instance,
            at=row.at,
            broker_connected=row.broker_connected,
            lag=None if row.lag_ms is None else timedelta(milliseconds=row.lag_ms),
            problem=row.problem,
        )
        for row in session.execute(query)
    ]


def round_trip_at(session: Session) -> datetime | None:
    """When the newest message was sent that came through all of the service."""
    return session.scalar(select(ServiceHeartbeat.at).where(ServiceHeartbeat.name == "round_trip"))


def instances(session: Session) -> list[ServiceInstance]:
    """All that is known of each process, those that fell silent lately included."""
    query = select(ServiceInstance).order_by(ServiceInstance.process, ServiceInstance.instance)
    return list(session.scalars(query))
