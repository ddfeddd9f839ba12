"""Lists as CSV files, streamed, by the filter on the screen. Permission: that of the list."""

from collections.abc import Iterable

from flask import Response, abort, request, stream_with_context
from flask.typing import ResponseReturnValue

from fleet.store.queries.tasks import task_row
from fleet.web import clock, csv_file
from fleet.web.csv_tables import TABLES, steps
from fleet.web.views.console import KEY, it


@it.get("/<table>.csv")
def export(table: str) -> ResponseReturnValue:
    if table not in TABLES:
        abort(404)
    heads, rows = TABLES[table]
    return _file(table.replace("_", "-"), _with(heads, rows(request.args)))


@it.get(f"/tasks/<{KEY}:task_id>.csv")
def task_csv(task_id: int) -> ResponseReturnValue:
    if task_row(task_id) is None:
        abort(404)
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
