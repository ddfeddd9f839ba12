"""Which profile a device should have: of all that are assigned to it, the most specific."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fleet.domain.words import Scope

_SPECIFICITY = {Scope.SITE: 0, Scope.KIND: 1, Scope.WARD: 2, Scope.DEVICE: 3}
"""A ward is more specific than a kind: it is the smaller set of devices, and the nearer to them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A profile version that claims every device of `kinds` in its scope."""

    profile_version_id: int
    scope: Scope
    scope_key: str
    kinds: frozenset[str]
    profile_id: int = 0

    @property
    def key(self) -> tuple[int, Scope, str]:
        """What an assignment is known by."""
        return self.profile_id, self.scope, self.scope_key


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands: what scopes can name it by."""

    device_id: str
    kind: str
    ward: str
    site: str

    def key_for(self, scope: Scope) -> str:
        keys = {
            Scope.SITE: self.site,
            Scope.KIND: self.kind,
            Scope.WARD: self.ward,
            Scope.DEVICE: self.device_id,
        }
        return keys[scope]


def most_specific(claims: Iterable[Claim], place: Place) -> Claim | None:
    """The claim that wins for a device in this place; None if nothing claims it."""
    fitting = [
        claim
        for claim in claims
        if place.kind in claim.kinds and place.key_for(claim.scope) == claim.scope_key
    ]
    return max(fitting, key=lambda claim: _SPECIFICITY[claim.scope], default=None)


def with_pin(claims: Iterable[Claim], pin: Claim, pinned: int | None) -> list[Claim]:
    """The claims with another version in the place of one: of what a rollout has told a device.

    `pin` need not be among them yet. None: as if nothing were assigned there.
    """
    others = [claim for claim in claims if claim.key != pin.key]
    return others if pinned is None else [*others, replace(pin, profile_version_id=pinned)]
