"""Which devices come first: canaries in different wards, then growing shares of all."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain, zip_longest
from typing import NamedTuple

from fleet.domain.rollout.plan import Plan


class Member(NamedTuple):
    """`heard`: it has spoken lately, so that something can be learnt from it."""

    pk: int
    ward_id: int
    heard: bool


def rings(members: Sequence[Member], plan: Plan, seed: str) -> list[list[int]]:
    """The devices of each ring by their keys; rings that would be empty are left out.

    By chance within the seed, so that no rollout has the canaries of the one before; the same
    seed gives the same rings.
    """
    by_chance = sorted(members, key=lambda member: _lot(seed, f"device {member.pk}"))
    canaries = _canaries(by_chance, plan.canaries, seed)
    others = [member.pk for member in by_chance if member.pk not in set(canaries)]
    found, begin = [canaries], 0
    for share in plan.shares:
        end = max(-(-len(members) * share // 100) - len(canaries), begin)
        found.append(others[begin:end])
        begin = end
    return [ring for ring in found if ring]


def _canaries(by_chance: Sequence[Member], count: int, seed: str) -> list[int]:
    """One of each ward, then a second of each, and so on; of a ward first who has been heard."""
    wards: dict[int, list[Member]] = defaultdict(list)
    for member in sorted(by_chance, key=lambda member: not member.heard):
        wards[member.ward_id].append(member)
    order = sorted(
        wards.values(), key=lambda ward: (not ward[0].heard, _lot(seed, f"ward {ward[0].ward_id}"))
    )
    turns = chain.from_iterable(zip_longest(*order))
    return [member.pk for member in turns if member is not None][:count]


def _lot(seed: str, name: str) -> bytes:
    return sha256(f"{seed}/{name}".encode()).digest()
