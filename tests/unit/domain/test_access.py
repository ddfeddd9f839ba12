"""What each role may, and which places a grant covers."""

import pytest

from fleet.domain.access import (
    EVERYWHERE,
    READING,
    ROLES,
    Access,
    Grant,
    Place,
    Reach,
    Role,
    Scope,
    giving,
    may,
    scope_of,
)

ICU = Place(site_id=1, ward_id=10)
ONCOLOGY = Place(site_id=1, ward_id=11)
ELSEWHERE = Place(site_id=2, ward_id=20)
ST_MARY = Place(site_id=1)


@pytest.mark.parametrize(
    ("grant", "covered"),
    [
        (Grant(Role.VIEWER), [EVERYWHERE, ST_MARY, ICU, ONCOLOGY, ELSEWHERE]),
        (Grant(Role.VIEWER, site_id=1), [ST_MARY, ICU, ONCOLOGY]),
        (Grant(Role.VIEWER, ward_id=10), [ICU]),
    ],
)
def test_a_grant_covers_its_place_and_what_is_in_it(grant: Grant, covered: list[Place]) -> None:
    places = [EVERYWHERE, ST_MARY, ICU, ONCOLOGY, ELSEWHERE]
    assert [place for place in places if grant.covers(place)] == covered


def test_a_role_in_one_ward_and_another_in_another_do_not_mix() -> None:
    grants = [Grant(Role.WARD_MANAGER, ward_id=10), Grant(Role.VIEWER, ward_id=11)]
    assert may(grants, Access.WARD, ICU)
    assert may(grants, Access.READ, ONCOLOGY)
    assert not may(grants, Access.WARD, ONCOLOGY)
    reach = Reach.of(giving(grants, Access.WARD))
    assert reach == Reach(everything=False, sites=frozenset(), wards=frozenset({10}))


def test_a_nurse_looks_and_takes_carts_and_nothing_else() -> None:
    assert ROLES[Role.WARD_NURSE] == {Access.READ, Access.ARTIFACT, Access.USE}


def test_proposing_and_approving_meet_in_administrators_alone() -> None:
    both = {role for role, held in ROLES.items() if {Access.PROPOSE, Access.APPROVE} <= held}
    assert both == {Role.ADMINISTRATOR}


@pytest.mark.parametrize("access", [Access.PEOPLE, Access.AUDIT])
def test_people_and_audit_are_for_few(access: Access) -> None:
    held_by = {role for role, held in ROLES.items() if access in held}
    assert held_by == {Role.ADMINISTRATOR} | ({Role.AUDITOR} if access == Access.AUDIT else set())


def test_whoever_may_only_look_changes_nothing() -> None:
    for role in (Role.VIEWER, Role.AUDITOR):
        assert ROLES[role] <= READING


def test_no_role_holds_what_needs_none() -> None:
    assert all(not held & {Access.OPEN, Access.OWN} for held in ROLES.values())


def test_a_token_that_reads_changes_nothing_and_metrics_have_a_scope_of_their_own() -> None:
    for access in Access:
        scopes = {scope_of(access, changes=changes) for changes in (False, True)}
        is_metrics = access == Access.METRICS
        assert scopes == ({Scope.METRICS} if is_metrics else {Scope.READ, Scope.WRITE})
