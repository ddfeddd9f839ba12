"""Long work: actions on many devices and imports; looked at first, then begun, and cancelled."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.domain.tasks import StepState, TaskKind, TaskState
from fleet.services.errors import Invalid
from fleet.services.tasks.propose import MOST_DEVICES, propose_bulk, propose_import
from fleet.services.tasks.steer import begin_task, cancel_task
from fleet.services.tasks.work import work_on
from fleet.store.queries import tasks as stored
from fleet.store.queries.devices import find_devices
from fleet.web import clock
from fleet.web.device_filter import device_filter
from fleet.web.signed_in import actor
from fleet.web.task_reach import whose_tasks
from fleet.web.views.console import KEY, it, refused_with_words, whole

AT_ONCE = 25
"""So many steps are done before the answer; what is longer is left to `schedule`."""
KINDS = {
    TaskKind.MOVE: "Move to another ward",
    TaskKind.DECOMMISSION: "Decommission",
    TaskKind.COMMAND: "Send a command",
    TaskKind.APPROVE: "Approve",
    TaskKind.IMPORT: "Register from a table",
}
GIVEN: dict[str, tuple[str, ...]] = {TaskKind.MOVE: ("ward",), TaskKind.COMMAND: ("command",)}
"""What has to be said besides the action."""
STATES = {
    TaskState.PROPOSED: ("Looked at", "in-use"),
    TaskState.QUEUED: ("Waits its turn", "in-use"),
    TaskState.RUNNING: ("At work", "charging"),
    TaskState.DONE: ("Done", "take"),
    TaskState.CANCELLED: ("Cancelled", "not-heard-of"),
}


@it.context_processor
def words() -> dict[str, Any]:
    return {"TASKS": KINDS, "TASK_STATES": STATES}


@it.get("/tasks")
@allow(Access.DEVICES, At.ANY)
def tasks() -> ResponseReturnValue:
    state = request.args.get("state") or None
    page = stored.find_tasks(state, whole(request.args, "before"), by=whose_tasks())
    return render_template("it/tasks.html", now=clock.now(), page=page, state=state)


@it.get(f"/tasks/<{KEY}:task_id>")
@allow(Access.DEVICES, At.ANY)
def task(task_id: int) -> ResponseReturnValue:
    row, state = visible_task(task_id), request.args.get("state") or None
    steps = stored.steps_of(task_id, state, whole(request.args, "after"))
    return render_template(
        "it/task.html", now=clock.now(), task=row, steps=steps, state=state, states=list(StepState)
    )


@it.post("/devices/bulk")
@refused_with_words
@allow(Access.DEVICES, At.ANY)
def bulk() -> ResponseReturnValue:
    """Of the devices that were ticked, or of all that fit the filter of the list."""
    kind = request.form.get("action", "")
    wanted = {name: request.form.get(name, "") for name in GIVEN.get(kind, ())}
    task_id = propose_bulk(kind, wanted, _chosen(), actor(), clock.now(), reach(Access.DEVICES))
    return redirect(url_for("it.task", task_id=task_id), code=303)


@it.post("/tasks/import")
@refused_with_words
@allow(Access.DEVICES)
def import_devices() -> ResponseReturnValue:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid({"file": "choose a CSV file"})
    text = file.read().decode("utf-8", "replace")
    task_id = propose_import(text, actor(), clock.now())
    return redirect(url_for("it.task", task_id=task_id), code=303)


@it.post(f"/tasks/<{KEY}:task_id>/begin")
@refused_with_words
@allow(Access.DEVICES, At.ANY)
def begin(task_id: int) -> ResponseReturnValue:
    now = clock.now()
    visible_task(task_id)
    begin_task(task_id, actor(), now)
    if visible_task(task_id).waiting <= AT_ONCE:
        work_on(task_id, now, AT_ONCE + 1)
    return redirect(url_for("it.task", task_id=task_id), code=303)


@it.post(f"/tasks/<{KEY}:task_id>/cancel")
@refused_with_words
@allow(Access.DEVICES, At.ANY)
def cancel(task_id: int) -> ResponseReturnValue:
    visible_task(task_id)
    cancel_task(task_id, actor(), clock.now())
    flash("Cancelled. What was done by then stays done.")
    return redirect(url_for("it.task", task_id=task_id), code=303)


def _chosen() -> list[str]:
    """Raises Invalid where the filter fits more than one task bears."""
    if not request.form.get("all"):
        return request.form.getlist("device")
    found = find_devices(
        device_filter(request.form, "filter_", Access.DEVICES), clock.now(), limit=MOST_DEVICES
    )
    if found.after is not None:
        raise Invalid({"devices": f"more than {MOST_DEVICES} fit: narrow the filter"})
    return [row.device_id for row in found.rows]


def visible_task(task_id: int) -> stored.TaskRow:
    """404 where there is none that they may see."""
    row, whose = stored.task_row(task_id), whose_tasks()
    if row is None or whose not in (None, row.created_by):
        abort(404)
    return row
