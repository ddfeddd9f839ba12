"""Standard Webhooks: what is signed here others can check, and what was changed nobody takes."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from fleet.wire.webhooks import BadSignature, headers, secret_of, verify

SECRET = secret_of(bytes(range(32)))
NOW = datetime.now(UTC).replace(microsecond=0)
BODY = b'{"type":"alert.opened"}'
SIGNED = headers(SECRET, "msg_1", NOW, BODY)


def test_an_independent_receiver_takes_what_is_signed_here() -> None:
    signed = headers(SECRET, "msg_1", datetime.now(UTC), BODY)  # it looks at the clock itself
    assert Webhook(SECRET).verify(BODY, signed) == {"type": "alert.opened"}


def test_what_an_independent_sender_signs_is_taken_here() -> None:
    signature = Webhook(SECRET).sign("msg_1", NOW, BODY.decode())
    assert verify(SECRET, {**SIGNED, "webhook-signature": signature}, BODY, NOW) == "msg_1"


CHANGED = {
    "the body": (SIGNED, BODY + b" "),
    "the id": ({**SIGNED, "webhook-id": "msg_2"}, BODY),
    "the time": ({**SIGNED, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}, BODY),
    "the signature": ({**SIGNED, "webhook-signature": "v1," + "A" * 43 + "="}, BODY),
    "its version": ({**SIGNED, "webhook-signature": "v2" + SIGNED["webhook-signature"][2:]}, BODY),
    "the secret": (headers(secret_of(b"x" * 32), "msg_1", NOW, BODY), BODY),
}


@pytest.mark.parametrize("what", CHANGED)
def test_control_39_a_tampered_webhook_fails(what: str) -> None:
    given, body = CHANGED[what]
    with pytest.raises(BadSignature):
        verify(SECRET, given, body, NOW)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, given)


@pytest.mark.parametrize(
    "away", [timedelta(minutes=-5, seconds=-1), timedelta(minutes=5, seconds=1)]
)
def test_control_39_a_stale_webhook_fails(away: timedelta) -> None:
    signed = headers(SECRET, "msg_1", NOW + away, BODY)
    with pytest.raises(BadSignature, match="too far from now"):
        verify(SECRET, signed, BODY, NOW)
    assert verify(SECRET, headers(SECRET, "msg_1", NOW + away * 0.9, BODY), BODY, NOW)


@pytest.mark.parametrize("name", SIGNED)
def test_control_39_a_webhook_without_one_of_its_headers_fails(name: str) -> None:
    given = {key: value for key, value in SIGNED.items() if key != name}
    with pytest.raises(BadSignature, match=f"no {name}"):
        verify(SECRET, given, BODY, NOW)
    with pytest.raises(BadSignature):
        verify(SECRET, {**SIGNED, "webhook-timestamp": "soon"}, BODY, NOW)


def test_one_of_several_signatures_is_enough_and_headers_may_be_in_any_case() -> None:
    both = f"v1a,xx v1,{base64.b64encode(b'x' * 32).decode()} {SIGNED['webhook-signature']}"
    given = {key.title(): value for key, value in {**SIGNED, "webhook-signature": both}.items()}
    assert verify(SECRET, given, BODY, NOW) == "msg_1"


def test_what_is_no_secret_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        headers("whsec_not base 64", "msg_1", NOW, BODY)
