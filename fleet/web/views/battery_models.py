"""What purchasing knows of each model of pack: shown, and entered."""

import re

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow
from fleet.domain.access import Access
from fleet.services.change_pack_model import RANGES, change_pack_model
from fleet.services.errors import Invalid, NotFound, StaleVersion
from fleet.store.queries.battery_models import ModelRow, find_models, model_by_name
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import it, whole

_AMOUNT = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?", re.ASCII)
_WHOLE = [name for name in RANGES if name != "price_cents"]
MOST_SHOWN = 1_000


@it.get("/battery-models")
@allow(Access.READ, At.ANY)
def battery_models() -> ResponseReturnValue:
    return render_template("it/battery_models.html", models=find_models(limit=MOST_SHOWN).rows)


@it.get("/battery-models/edit")
@allow(Access.BATTERIES)
def battery_model() -> ResponseReturnValue:
    """The model stands in the query: its makers put slashes and dots into names."""
    model = _model(request.args.get("model", ""))
    given = {name: _shown(getattr(model, name)) for name in (*_WHOLE, "currency")}
    if model.price_cents is not None:
        given["price"] = f"{model.price_cents // 100}.{model.price_cents % 100:02d}"
    return _form(model, given, model.version, {})


@it.post("/battery-models/edit")
@allow(Access.BATTERIES)
def change_battery_model() -> ResponseReturnValue:
    model = _model(request.form.get("model", ""))
    names = ("price", "currency", *_WHOLE)
    given = {name: request.form.get(name, "").strip() for name in names}
    version = whole(request.form, "version")
    try:
        change_pack_model(model.model, _facts(given), actor(), clock.now(), version)
    except Invalid as problem:
        return _form(model, given, version, problem.fields), 422
    except StaleVersion:
        words = "Somebody has changed it since this page was opened. Look, then save once more."
        return _form(model, given, model.version, {"model": words}), 409
    except NotFound:
        abort(404)
    flash(f"{model.model} is saved.")
    return redirect(url_for("it.battery_models"), code=303)


def _form(
    model: ModelRow, given: dict[str, str], version: int | None, problems: dict[str, str]
) -> str:
    # The service names the price as it is kept.
    problems = {name.removesuffix("_cents"): words for name, words in problems.items()}
    return render_template(
        "it/battery_model.html", model=model, given=given, version=version, problems=problems
    )


def _facts(given: dict[str, str]) -> dict[str, int | str | None]:
    """Raises Invalid, naming every field that is no number."""
    problems: dict[str, str] = {}
    facts: dict[str, int | str | None] = {"currency": given["currency"].upper() or None}
    for name in _WHOLE:
        facts[name] = _number(given[name], name, problems)
    amount = _AMOUNT.fullmatch(given["price"])
    facts["price_cents"] = None
    if amount:
        facts["price_cents"] = int(amount[1]) * 100 + int((amount[2] or "0").ljust(2, "0"))
    elif given["price"]:
        problems["price"] = "an amount like 1249.50"
    if problems:
        raise Invalid(problems)
    return facts


def _number(text: str, name: str, problems: dict[str, str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    least, most = RANGES[name]
    problems[name] = f"a whole number from {least} to {most}"
    return None


def _model(name: str) -> ModelRow:
    model = model_by_name(name)
    if model is None:
        abort(404)
    return model


def _shown(value: object) -> str:
    return "" if value is None else str(value)
