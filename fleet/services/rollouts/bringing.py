"""What a rollout brings: a profile version or a firmware release. All else is the same."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from fleet.domain.rollout.care import Candidate
from fleet.domain.rollout.job import Standing
from fleet.domain.rollout.rings import Member
from fleet.domain.rollout.words import Target
from fleet.services.rollouts import profiles, releases
from fleet.store.rollout import Rollout


class Bringing(Protocol):
    """Each is part of a transaction, with the rollout locked where there is one."""

    def prepare(self, session: Session, rollout: Rollout, now: datetime) -> None:
        """Before it is proposed, and again before it begins: may it be at all? It is given its
        `former_version`. Raises Invalid, Conflict."""

    def refuse_another(self, session: Session, rollout: Rollout) -> None:
        """Raises Conflict where another rollout is in the way."""

    def members(self, session: Session, rollout: Rollout, now: datetime) -> list[Member]:
        """Whom it is for."""

    def obstacle(self, session: Session, rollout: Rollout, now: datetime) -> str | None:
        """Why nobody can be told anything now."""

    def tell(self, session: Session, rollout: Rollout, pks: Sequence[int], now: datetime) -> None:
        """The word to devices that are at work from now on."""

    def settle(self, session: Session, now: datetime) -> list[Standing]:
        """Of all devices at work, whatever the rollout: those that stand elsewhere by now."""

    def late_rollouts(self, session: Session, now: datetime) -> Sequence[int]:
        """Those that devices have missed which are to get it still."""

    def late(self, session: Session, rollout: Rollout, now: datetime) -> Sequence[Candidate]:
        """These devices, as far as they can be told now."""

    def tell_late(
        self, session: Session, rollout: Rollout, pks: Sequence[int], now: datetime
    ) -> None:
        """The word to them."""

    def finish(self, session: Session, rollout: Rollout, now: datetime) -> None:
        """Every device is at its end."""

    def back(self, session: Session, rollout: Rollout, now: datetime) -> tuple[str, str]:
        """Slug and version of what was before it. Raises Conflict where there is no way back."""

    def members_back(
        self, session: Session, rollout: Rollout, was: str, now: datetime
    ) -> list[Member]:
        """Whom that is for. `was`: the state of the rollout before."""

    def take_back(self, session: Session, rollout: Rollout, now: datetime) -> None:
        """The word that devices at work have got, as far as that is possible."""


_BRINGING: Mapping[str, Bringing] = {Target.PROFILE: profiles, Target.FIRMWARE: releases}


def bringing(target: str) -> Bringing:
    return _BRINGING[target]


def whatever() -> Sequence[Bringing]:
    return list(_BRINGING.values())
