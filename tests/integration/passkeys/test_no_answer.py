"""What is no answer at all, or was bent on its way."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.services import authenticators
from tests.support.authenticator import Authenticator, base64, unbase64
from tests.support.passkeys import (
    HERE,
    ask,
    offer,
    put_in,
    show,
)


@pytest.mark.parametrize(
    "answer",
    ["", "{}", "[]", "null", "no json", '{"id": 1}', "[" * 9000, "x" * 20_000, '{"id": "\\ud800"}'],
)
def test_what_is_no_answer_is_refused(app: Flask, ada: FlaskClient, answer: str) -> None:
    offer(ada)
    assert put_in(ada, answer).status_code == 303
    client = app.test_client()
    ask(client)
    assert show(client, answer).status_code == 401


CHALLENGE = b"c" * 32
TOLD = {
    "challenge": base64(CHALLENGE), "rpId": "localhost", "rp": {"id": "localhost"},
    "user": {"id": base64(b"somebody")},
}  # fmt: skip


KEY = Authenticator(handle=b"somebody")
BENDS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3)


@settings(max_examples=300)
@given(st.integers(0, 3), BENDS, st.integers(0, 400))
def test_a_signature_that_was_bent_is_none(
    part: int, bends: list[tuple[int, int]], cut: int
) -> None:
    said = json.loads(KEY.copy().sign(TOLD))
    place = ("clientDataJSON", "authenticatorData", "signature")[part % 3]
    if not bend(said["response"], place, bends, cut):
        return
    shown = authenticators.shown(json.dumps(said))
    assert shown
    assert authenticators.signed(shown, HERE, CHALLENGE, KEY.public_key()) is None


@settings(max_examples=300)
@given(st.booleans(), BENDS, st.integers(0, 400))
def test_a_new_passkey_that_was_bent_breaks_nothing(
    of_client: bool, bends: list[tuple[int, int]], cut: int
) -> None:
    said = json.loads(KEY.copy().make(TOLD))
    bend(said["response"], "clientDataJSON" if of_client else "attestationObject", bends, cut)
    found = authenticators.made(json.dumps(said), HERE, CHALLENGE)
    assert found is None or of_client or len(found.credential_id) <= 1023


def bend(said: dict[str, str], place: str, bends: list[tuple[int, int]], cut: int) -> bool:
    """Whether it is another now."""
    before = unbase64(said[place])
    whole = bytearray(before)
    for where, value in bends:
        whole[where % len(whole)] = value
    if cut < 40:
        del whole[-1 - cut % len(whole) :]
    said[place] = base64(bytes(whole))
    return bytes(whole) != before
