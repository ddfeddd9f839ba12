"""Who may do what, and where: what each role may, and which objects a grant covers."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Access(StrEnum):
    """What a route asks of whoever calls it; every route declares one of these."""

    OPEN = "open"
    """Of nobody anything: boards, the ways in, signs of life."""
    OWN = "own"
    """To be signed in: one's own account, and the way out."""
    READ = "read"
    USE = "use"
    """Take a cart, return it, say that it is broken."""
    ACKNOWLEDGE = "acknowledge"
    WARD = "ward"
    """A ward's shifts, windows and minimum."""
    DEVICES = "devices"
    """Devices: register, enrol, command, revoke, decommission."""
    BATTERIES = "batteries"
    PROFILES = "profiles"
    """Profiles: load, assign."""
    PROPOSE = "propose"
    STEER = "steer"
    """Rollouts: pause, resume, halt, end, go back, and the switch for all."""
    APPROVE = "approve"
    SITES = "sites"
    """Hospitals and their wards, and other systems that hear of what happens there: enter."""
    PEOPLE = "people"
    """People, their roles, and tokens for programs."""
    AUDIT = "audit"
    METRICS = "metrics"
    ARTIFACT = "artifact"
    """A firmware's file: for who may read, and for the device that was directed to it."""


class Role(StrEnum):
    VIEWER = "viewer"
    WARD_NURSE = "ward_nurse"
    WARD_MANAGER = "ward_manager"
    IT_OPERATOR = "it_operator"
    IT_APPROVER = "it_approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """What a token for a program was made for; it narrows its role."""

    READ = "read"
    WRITE = "write"
    METRICS = "metrics"


_LOOK = frozenset({Access.READ, Access.ARTIFACT})
_NURSE = _LOOK | {Access.USE}
_MANAGER = _NURSE | {Access.ACKNOWLEDGE, Access.WARD}
_OPERATOR = _MANAGER | {
    Access.DEVICES,
    Access.BATTERIES,
    Access.PROFILES,
    Access.PROPOSE,
    Access.STEER,
    Access.SITES,
    Access.METRICS,
}
ROLES: dict[Role, frozenset[Access]] = {
    Role.VIEWER: _LOOK | {Access.METRICS},
    Role.WARD_NURSE: _NURSE,
    Role.WARD_MANAGER: _MANAGER,
    Role.IT_OPERATOR: _OPERATOR,
    Role.IT_APPROVER: _LOOK | {Access.ACKNOWLEDGE, Access.STEER, Access.APPROVE},
    Role.ADMINISTRATOR: frozenset(Access) - {Access.OPEN, Access.OWN},
    Role.AUDITOR: _LOOK | {Access.AUDIT},
}
"""Proposing and approving meet only in the administrator, who still approves none of their own."""

READING = frozenset({Access.READ, Access.AUDIT, Access.METRICS, Access.ARTIFACT})
"""By these nothing is ever changed."""


def scope_of(access: Access, *, changes: bool) -> Scope:
    """The scope that a token needs for it, in a request that changes something or that reads."""
    if access == Access.METRICS:
        return Scope.METRICS
    return Scope.WRITE if changes else Scope.READ


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object belongs: to a ward of a site, to a site, or (neither) to everything."""

    site_id: int | None = None
    ward_id: int | None = None


EVERYWHERE = Place()


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, and where it holds: in one ward, in one site, or (neither) in everything."""

    role: Role
    site_id: int | None = None
    ward_id: int | None = None

    def covers(self, place: Place) -> bool:
        """A grant of a ward covers no object of its site, nor one of a site what is everybody's."""
        if self.ward_id is not None:
            return place.ward_id == self.ward_id
        return self.site_id is None or place.site_id == self.site_id


@dataclass(frozen=True, slots=True)
class Reach:
    """The places where somebody has a permission, for lists that show no more than those."""

    everything: bool
    sites: frozenset[int]
    wards: frozenset[int]

    @classmethod
    def of(cls, grants: Iterable[Grant]) -> Self:
        held = list(grants)
        return cls(
            any(grant.site_id is None and grant.ward_id is None for grant in held),
            frozenset(grant.site_id for grant in held if grant.site_id is not None),
            frozenset(grant.ward_id for grant in held if grant.ward_id is not None),
        )


ALL = Reach(True, frozenset(), frozenset())
"""What the service itself sees."""


def giving(grants: Iterable[Grant], access: Access) -> list[Grant]:
    """Those of them whose role has this permission."""
    return [grant for grant in grants if access in ROLES[grant.role]]


def may(grants: Iterable[Grant], access: Access, place: Place) -> bool:
    return any(grant.covers(place) for grant in giving(grants, access))
