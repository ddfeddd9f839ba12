"""What the OpenAPI document promises holds for whatever is sent: no 500, nothing undocumented.

Schemathesis makes requests from the document, right ones and wrong ones. Keys are those of things
that are there in half of them: of nothing there is little to be said but 404.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from fleet.services.api_tokens import create_api_token
from fleet.services.enrolment_tokens import make_tokens
from tests.support.api import API, Hospital

EXAMPLES = 8
"""Of each operation, right and wrong: some 500 requests each, 15 s of a core."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
THERE = {
    "device_id": ["cart-1", "cart-2", "tab-1"],
    "slug": ["icu", "st-mary", "carts"],
    "number": [1],
    "alert_id": [1],
    "assignment_id": [1],
    "rollout_id": [1],
    "pack_id": [1, 2],
    "model": ["LFP-40"],
}


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    """With something of nearly everything."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    found = Hospital(app)
    found.register("CART-1", "CART-2")
    found.register("TAB-1", kind="tablet", ward="oncology")
    found.load()
    found.assign()
    found.report("cart-1", serial="LFP-1", model="LFP-40")
    found.run_low("cart-2")
    found.report_configuration("cart-1", screen_timeout_s=7)
    found.say("cart-1", "telemetry", b"{")
    with app.app_context():
        make_tokens(["cart-2"], False, "test", datetime.now(UTC))
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_answer_is_a_500_or_undocumented(
    app: Flask, hospital: Hospital, mode: GenerationMode
) -> None:
    with app.app_context():
        token = create_api_token("schemathesis", ["read", "write"], None, "test", now())
    headers = {"Authorization": f"Bearer {token}"}
    asked = 0
    for operation in _operations(app):
        asked += _try(operation, headers, mode)
    assert asked > 400


def _operations(app: Flask) -> Iterator[Any]:
    for result in schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app).get_all_operations():
        yield result.ok()


def _try(operation: Any, headers: dict[str, str], mode: GenerationMode) -> int:
    turns = itertools.count()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        turn = next(turns)
        if turn % 2:
            _point_at_what_is_there(case, turn)
        case.call_and_validate(checks=CHECKS, headers=headers)

    try:
        ask()
    except Exception as problem:
        problem.add_note(operation.label)
        raise
    return next(turns)


def _point_at_what_is_there(case: Any, turn: int) -> None:
    for name in case.path_parameters or {}:
        if name in THERE:
            case.path_parameters[name] = THERE[name][turn // 2 % len(THERE[name])]


def now() -> datetime:
    return datetime.now(UTC)
