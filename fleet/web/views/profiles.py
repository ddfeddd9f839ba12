"""Profiles: versions, where each stands, what differs, and what they are assigned to."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, must_reach
from fleet.domain.access import Access
from fleet.domain.documents import differences, leaves
from fleet.domain.words import DeviceKind, Scope
from fleet.services.assign_profile import assign_profile, remove_assignment
from fleet.services.errors import Invalid
from fleet.store.database import db
from fleet.store.queries import profiles as stored
from fleet.store.queries.places import sites, wards
from fleet.store.queries.profiles import ProfileHead
from fleet.store.queries.signed import newest_trust
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, back, it, refused_with_words, whole


@it.get("/profiles")
@allow(Access.READ)
def profiles() -> ResponseReturnValue:
    heads = stored.profile_heads()
    standing = stored.standing_by_profile(clock.now())
    return render_template("it/profiles.html", profiles=heads, standing=standing)


@it.get("/profiles/<slug>")
@allow(Access.READ)
def profile(slug: str) -> ResponseReturnValue:
    now, head = clock.now(), _head(slug)
    versions = stored.versions_of(head.id)
    return render_template(
        "it/profile.html",
        now=now,
        profile=head,
        versions=versions,
        must_be_signed=newest_trust(db.session()) is not None,
        standing=stored.standing(now, head.id),
        assignments=stored.assignments_of(head.id),
        content=list(leaves(stored.document_of(head.id, head.latest))) if head.latest else [],
        sites=sites(),
        wards=wards(),
        kinds=[DeviceKind(kind) for kind in head.kinds],
    )


@it.get("/profiles/<slug>/diff")
@allow(Access.READ)
def profile_diff(slug: str) -> ResponseReturnValue:
    head = _head(slug)
    old, new = whole(request.args, "from"), whole(request.args, "to")
    if old is None or new is None:
        abort(404)
    before, after = stored.document_of(head.id, old), stored.document_of(head.id, new)
    if before is None or after is None:
        abort(404)
    return render_template(
        "it/diff.html",
        profile=head,
        old=old,
        new=new,
        versions=stored.versions_of(head.id),
        differences=differences(before, after),
    )


@it.post("/profiles/<slug>/assign")
@refused_with_words
@allow(Access.PROFILES, At.ANY)
def assign(slug: str) -> ResponseReturnValue:
    """`where` is "ward:cardiology" or the like; a device id in its own field goes before it."""
    number = whole(request.form, "number")
    device_id = request.form.get("device_id", "").strip().lower()
    scope, _, key = request.form.get("where", "").partition(":")
    if device_id:
        scope, key = Scope.DEVICE, device_id
    if number is None or not key:
        raise Invalid({"where": "choose a version, and a site, kind, ward or device"})
    must_reach(Access.PROFILES, scope, key, "where")
    assign_profile(slug, number, scope, key, actor(), clock.now())
    flash(f"Version {number} is assigned to {scope} {key}.")
    return redirect(url_for("it.profile", slug=slug), code=303)


@it.post(f"/assignments/<{KEY}:assignment_id>/remove")
@refused_with_words
@allow(Access.PROFILES)
def remove(assignment_id: int) -> ResponseReturnValue:
    remove_assignment(assignment_id, actor(), clock.now(), whole(request.form, "version"))
    flash("The assignment is removed.")
    return back("/it/profiles")


def _head(slug: str) -> ProfileHead:
    head = stored.profile_head(slug)
    if head is None:
        abort(404)
    return head
