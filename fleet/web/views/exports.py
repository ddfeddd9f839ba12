"""Lists as CSV files, streamed, by the filter on the screen."""

from collections.abc import Iterable

from flask import Response, abort, request, stream_with_context
from flask.typing import ResponseReturnValue

from fleet.access import At, allow
from fleet.domain.access import Access
from fleet.web import clock, csv_file
from fleet.web.csv_tables import TABLES, steps
from fleet.web.signed_in import offers
from fleet.web.views.console import KEY, it
from fleet.web.views.tasks import visible_task


@it.get("/<table>.csv")
@allow(Access.READ, At.ANY)
def export(table: str) -> ResponseReturnValue:
    """For who may see the list itself."""
    if table not in TABLES:
        abort(404)
    if not offers(f"it.{table}"):
        abort(403)
    heads, rows = TABLES[table]
    return _file(table.replace("_", "-"), _with(heads, rows(request.args)))


@it.get(f"/tasks/<{KEY}:task_id>.csv")
@allow(Access.DEVICES, At.ANY)
def task_csv(task_id: int) -> ResponseReturnValue:
    visible_task(task_id)
    return _file(f"task-{task_id}", steps(task_id, request.args.get("state") or None))


def _with(heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterable[Iterable[object]]:
    yield heads
    yield from rows


def _file(name: str, rows: Iterable[Iterable[object]]) -> Response:
    lines = csv_file.lines(tuple(row) for row in rows)
    answer = Response(stream_with_context(lines), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{clock.today()}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
