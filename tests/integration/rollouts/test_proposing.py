"""A rollout is proposed and approved, by two people, and all of it is in the audit."""

import pytest
from sqlalchemy import select

from fleet.domain.words import Scope
from fleet.services.api_tokens import create_api_token
from fleet.services.assign_profile import assign_profile
from fleet.services.errors import Conflict, Invalid
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.steer import pause_rollout
from fleet.store.database import db
from fleet.store.models import AuditEntry
from tests.support.rollouts import Carts


def test_while_it_runs_nobody_assigns_anything_else_there(carts: Carts) -> None:
    carts.begin()
    with pytest.raises(Conflict, match="rollout 1 is changing this assignment"):
        assign_profile("carts", 3, Scope.SITE, "lindenhof", "user:ada", carts.now)
    with pytest.raises(Conflict, match="rollout 1 is there already"):
        carts.propose(version=3)


def test_control_21_who_starts_a_rollout_cannot_approve_it(carts: Carts) -> None:
    rollout_id = carts.propose(actor="user:ada")
    with pytest.raises(Conflict, match="cannot approve"):
        approve_rollout(rollout_id, "user:ada", carts.now)
    create_api_token("hers", ("read", "write"), None, "user:ada", carts.now)
    with pytest.raises(Conflict, match="cannot approve"):
        approve_rollout(rollout_id, "token/1", carts.now)
    by_token = carts.propose(version=2, scope="ward", key="ward-1", actor="token/1")
    with pytest.raises(Conflict, match="cannot approve"):
        approve_rollout(by_token, "user:ada", carts.now)
    approve_rollout(rollout_id, "user:bob", carts.now)
    assert carts.rollout(rollout_id).state == "running"


def test_what_cannot_be_rolled_out_is_told_field_by_field(carts: Carts) -> None:
    with pytest.raises(Invalid, match="version: no version 9"):
        carts.propose(version=9)
    with pytest.raises(Invalid, match="version: version 1 is assigned"):
        carts.propose(version=1)
    with pytest.raises(Invalid, match=r"plan.canaries: from 1 to 100"):
        carts.propose(canaries=0)
    with pytest.raises(Invalid, match="no such ward"):
        carts.propose(scope="ward", key="ward-9")


def test_every_step_is_in_the_audit(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.go_well(turns=3)
    pause_rollout(rollout_id, "user:ada", carts.now)
    query = select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)
    entries = [tuple(row) for row in db.session.execute(query) if row[0].startswith("rollout.")]
    assert entries[:4] == [
        ("rollout.propose", "user:ada"), ("rollout.running", "user:bob"),
        ("rollout.offer", "schedule"), ("rollout.ring_pass", "schedule"),
    ]  # fmt: skip
    assert entries[-1] == ("rollout.paused", "user:ada")
