"""Rollouts: all of them, one with its bars and failures, a new one, and the switch for all."""

import re
from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, may, must_reach, reach
from fleet.domain.access import Access
from fleet.domain.rollout.outlook import expected_end
from fleet.domain.rollout.plan import Plan, plan_from
from fleet.domain.rollout.words import AT_WORK, FAILURES, LIVE, JobState, RolloutState
from fleet.services.errors import Invalid
from fleet.services.rollouts import steer
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.blackout import begin_blackout, end_blackout
from fleet.services.rollouts.care import set_ward_care
from fleet.services.rollouts.propose import propose_rollout
from fleet.services.rollouts.roll_back import roll_back
from fleet.store.database import db
from fleet.store.queries import rollouts as stored
from fleet.store.queries.alerts import alert_of_rollout
from fleet.store.queries.care import care_of_all_wards
from fleet.store.queries.firmware import find_releases
from fleet.store.queries.places import sites, wards
from fleet.store.queries.profiles import profile_heads
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, it, refused_with_words, whole
from fleet.web.words import KIND

STEPS: dict[str, Any] = {
    "reject": steer.reject_rollout,
    "pause": steer.pause_rollout,
    "resume": steer.resume_rollout,
    "halt": steer.halt_rollout,
    "cancel": steer.cancel_rollout,
    "roll-back": roll_back,
}
_CAN_GO_BACK = LIVE | {RolloutState.COMPLETED, RolloutState.CANCELLED}
SHOWN = {
    "failed": sorted(FAILURES),
    "at_work": sorted(AT_WORK),
    "queued": [JobState.QUEUED],
    "succeeded": [JobState.SUCCEEDED],
    "other": [JobState.CANCELLED, JobState.ROLLED_BACK, JobState.MISSED],
}
"""What the list of devices can be narrowed to."""
NUMBERS = tuple(name for name in Plan().as_document() if name not in ("shares", "halts"))


@it.get("/rollouts")
@allow(Access.READ, At.ANY)
def rollouts() -> ResponseReturnValue:
    before, state = whole(request.args, "before"), request.args.get("state") or None
    found = stored.find_rollouts([state] if state else (), before=before, reach=reach())
    return render_template(
        "it/rollouts.html",
        found=found,
        blackout=stored.blackout(),
        places=_places(),
        state=state,
    )


@it.get("/rollouts/new")
@allow(Access.PROPOSE, At.ANY)
def new_rollout() -> ResponseReturnValue:
    return _form(request.args, {})


@it.post("/rollouts/new")
@allow(Access.PROPOSE, At.ANY)
def propose() -> ResponseReturnValue:
    """`what` is "profile/carts/2" or the like, `where` is "ward:cardiology"."""
    target, _, named = request.form.get("what", "").partition("/")
    slug, _, version = named.rpartition("/")
    scope, _, key = request.form.get("where", "").partition(":")
    try:
        must_reach(Access.PROPOSE, scope, key, "where")
        rollout_id = propose_rollout(
            target, slug, version, scope, key, actor(), clock.now(), _plan()
        )
    except Invalid as problem:
        return _form(request.form, problem.fields), 422
    flash("Proposed. It begins once somebody else has approved it.")
    return redirect(url_for("it.rollout", rollout_id=rollout_id), code=303)


@it.get(f"/rollouts/<{KEY}:rollout_id>")
@allow(Access.READ)
def rollout(rollout_id: int) -> ResponseReturnValue:
    row, now = _row(rollout_id), clock.now()
    plan = plan_from(row.plan)
    rings = stored.rings_of(db.session(), rollout_id, now)
    wanted = request.args.get("state") or ("failed" if row.failed else "at_work")
    states = SHOWN.get(wanted)
    if states is None:
        abort(404)
    after = whole(request.args, "after", bits=63)
    blackout = stored.blackout()
    goes_on = row.state == RolloutState.RUNNING and blackout is None
    return render_template(
        "it/rollout.html",
        now=now,
        rollout=row,
        alert=alert_of_rollout(rollout_id),
        plan=plan,
        rings=rings,
        wards=stored.wards_of_rollout(rollout_id),
        jobs=stored.find_jobs(rollout_id, plan, states, after),
        wanted=wanted,
        ends=expected_end(rings, plan, now) if goes_on else None,
        blackout=blackout,
        places=_places(),
        steps=_steps(row),
    )


@it.post(f"/rollouts/<{KEY}:rollout_id>/approve")
@refused_with_words
@allow(Access.APPROVE)
def approve_this_rollout(rollout_id: int) -> ResponseReturnValue:
    approve_rollout(rollout_id, actor(), clock.now(), whole(request.form, "version"))
    return redirect(url_for("it.rollout", rollout_id=rollout_id), code=303)


@it.post(f"/rollouts/<{KEY}:rollout_id>/<step>")
@refused_with_words
@allow(Access.STEER)
def steer_rollout(rollout_id: int, step: str) -> ResponseReturnValue:
    if step not in STEPS:
        abort(404)
    version = whole(request.form, "version")
    back = STEPS[step](rollout_id, actor(), clock.now(), version)
    here = back if isinstance(back, int) else rollout_id
    return redirect(url_for("it.rollout", rollout_id=here), code=303)


@it.post("/blackout")
@refused_with_words
@allow(Access.STEER)
def blackout() -> ResponseReturnValue:
    """With a reason it begins, without one it ends."""
    reason = request.form.get("reason", "").strip()
    if request.form.get("end"):
        end_blackout(actor(), clock.now())
        flash("Rollouts go on from where they were.")
    else:
        begin_blackout(reason, actor(), clock.now())
        flash("All rollouts are stopped.")
    return redirect(url_for("it.rollouts"), code=303)


@it.get("/rollouts/wards")
@allow(Access.WARD, At.ANY)
def ward_care() -> ResponseReturnValue:
    return render_template(
        "it/ward_care.html", wards=care_of_all_wards(reach(Access.WARD)), wrong=None
    )


@it.post("/rollouts/wards/<slug>")
@refused_with_words
@allow(Access.WARD, At.WARD)
def change_ward_care(slug: str) -> ResponseReturnValue:
    given = request.form.get("windows", "").strip()
    windows = [part.strip() for part in re.split(r"[,;\n]+", given) if part.strip()]
    least = whole(request.form, "min_available")
    try:
        set_ward_care(slug, windows, -1 if least is None else least, actor(), clock.now())
    except Invalid as problem:
        wrong = {"slug": slug, "windows": given, "words": problem.message}
        return render_template(
            "it/ward_care.html", wards=care_of_all_wards(reach(Access.WARD)), wrong=wrong
        ), 422
    flash("Saved.")
    return redirect(url_for("it.ward_care"), code=303)


def _form(given: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    return render_template(
        "it/rollout_new.html",
        profiles=profile_heads(),
        releases=find_releases().rows,
        sites=sites(reach(Access.PROPOSE)),
        wards=wards(reach(Access.PROPOSE)),
        plan=Plan().as_document(),
        given=given,
        numbers=NUMBERS,
        wrong=wrong,
    )


def _plan() -> dict[str, Any]:
    """Raises Invalid where a field holds no whole number."""
    found: dict[str, Any] = {}
    for name in NUMBERS:
        if request.form.get(name, "").strip():
            found[name] = whole(request.form, name)
    if shares := re.findall(r"[^\s,;%]+", request.form.get("shares", "")):
        found["shares"] = [int(part) if part.isdecimal() else None for part in shares]
    wrong = {name: "a whole number" for name, value in found.items() if value is None}
    if None in found.get("shares", []):
        wrong["shares"] = "percentages like 5, 25, 100"
    if wrong:
        raise Invalid({f"plan.{name}": words for name, words in wrong.items()})
    return found


def _places() -> dict[str, str]:
    """What people call a scope: by "ward:cardiology" or the like."""
    return (
        {f"site:{site.slug}": site.name for site in sites()}
        | {f"ward:{ward.slug}": ward.name for ward in wards()}
        | {f"kind:{kind}": f"Every {word.lower()}" for kind, word in KIND.items()}
    )


def _steps(row: stored.RolloutRow) -> list[str]:
    """What they can do about it now, the most likely first."""
    state = RolloutState(row.state)
    found = {
        RolloutState.PROPOSED: ["approve", "reject"],
        RolloutState.RUNNING: ["pause", "halt", "cancel"],
        RolloutState.PAUSED: ["resume", "halt", "cancel"],
        RolloutState.HALTED: ["resume", "cancel"],
    }.get(state, [])
    can_go_back = state in _CAN_GO_BACK and row.former_version is not None and not row.reverts
    steps = [*found, "roll-back"] if can_go_back else found
    return [s for s in steps if may(Access.APPROVE if s == "approve" else Access.STEER)]


def _row(rollout_id: int) -> stored.RolloutRow:
    row = stored.rollout_row(rollout_id)
    if row is None:
        abort(404)
    return row
