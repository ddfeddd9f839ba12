"""Battery packs, when each falls below its threshold, and what their models cost."""

from typing import Any

from flask import Response

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow, reach
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.etags import expected, tagged
from fleet.api.schemas import batteries as schemas
from fleet.domain.battery.wear_path import points
from fleet.services.change_pack_model import change_pack_model
from fleet.services.errors import NotFound
from fleet.store.packed import wear_of
from fleet.store.queries.batteries import Order, PackFilter, PackKey, Warranty, find_packs
from fleet.store.queries.battery_models import ModelRow, find_models, model_by_name
from fleet.store.queries.battery_pack import pack_by_id

bp = Blueprint("Batteries", "Battery packs: health, forecast, and what their models cost.")

MODEL = "/battery-models/<path:model>"


@bp.route("/batteries")
@bp.arguments(schemas.PacksQuery, location="query")
@bp.page(schemas.PackListedSchema, schemas.LISTED)
@allow(Access.READ, at=At.ANY)
def list_packs(query: dict[str, Any]) -> Response:
    """Packs in the devices under management: who falls first is first, unless asked otherwise."""
    order = Order(query["order"])
    wanted = PackFilter(
        search=query.get("q", ""),
        model=query.get("model"),
        chemistry=query.get("chemistry"),
        ward=query.get("ward"),
        falls_before=query.get("falls_before"),
        warranty=Warranty(query["warranty"]) if "warranty" in query else None,
        order=order,
        reach=reach(),
    )
    after = PackKey.parse(query["cursor"][0], order) if "cursor" in query else None
    found = find_packs(wanted, clock.now().date(), after, query["limit"])
    return paged(schemas.PackListedSchema, found.rows, key(found.after and str(found.after)))


@bp.route("/batteries/<number:pack_id>")
@bp.response(200, schemas.PackSchema, example=schemas.PACK)
@allow(Access.READ, etag=True)
def get_pack(pack_id: int) -> Response:
    """One pack, with the points that its forecast rests on. One taken out is still known."""
    row = pack_by_id(pack_id, clock.now().date())
    if row is None:
        raise NotFound(f"no pack {pack_id}")
    measured = [
        {"cycles": round(point.cycles, 2), "health_pct": round(100 * point.health, 2)}
        for point in points(wear_of([row.wear]))
    ]
    return tagged(schemas.PackSchema, {**row._mapping, "points": measured}, version=0)


@bp.route("/battery-models")
@bp.arguments(schemas.ModelsQuery, location="query")
@bp.page(schemas.ModelSchema, schemas.MODEL)
@allow(Access.READ, at=At.ANY)
def list_models(query: dict[str, Any]) -> Response:
    """Every model that a pack was heard of with, by name."""
    (after,) = query.get("cursor", (None,))
    found = find_models(after, query["limit"])
    return paged(schemas.ModelSchema, found.rows, key(found.after))


@bp.route(MODEL)
@bp.response(200, schemas.ModelSchema, example=schemas.MODEL)
@allow(Access.READ, at=At.ANY, etag=True)
def get_model(model: str) -> Response:
    """One model."""
    return _answer(model)


@bp.route(MODEL, methods=["PUT"])
@bp.arguments(schemas.ModelFactsSchema, example=schemas.FACTS)
@bp.response(200, schemas.ModelSchema, example=schemas.MODEL)
@allow(Access.BATTERIES, if_match=True, etag=True)
def put_model(body: dict[str, Any], model: str) -> Response:
    """Say what purchasing knows of it. Forecasts follow its threshold from the next night on."""
    version = expected(_model(model).version)
    change_pack_model(model, body, actor(), clock.now(), version)
    return _answer(model)


def _model(model: str) -> ModelRow:
    row = model_by_name(model)
    if row is None:
        raise NotFound(f"no pack of a model {model} was heard of")
    return row


def _answer(model: str) -> Response:
    row = _model(model)
    return tagged(schemas.ModelSchema, row, row.version)
