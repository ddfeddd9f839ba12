import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fleet.trust.verify import Trust, check_directed, check_fits
from fleet.wire import firmware, messages, topics

DOCUMENT = yaml.safe_load((Path(__file__).parents[3] / "docs" / "asyncapi.yaml").read_text("utf-8"))
EXAMPLES = [
    (name, example["payload"])
    for name, message in DOCUMENT["components"]["messages"].items()
    for example in message["examples"]
]


def decode(name: str, payload: Any) -> Any:
    kind = getattr(messages, name, None) or getattr(firmware, name)
    return msgspec.json.decode(json.dumps(payload), type=kind)


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_every_example_of_the_published_protocol_is_understood(name: str, payload: Any) -> None:
    decoded = decode(name, payload)
    again = msgspec.json.decode(messages.encode(decoded), type=type(decoded))
    assert again == decoded
    unknown = set(payload) - {field.name for field in msgspec.structs.fields(decoded)}
    assert not unknown


def test_every_published_address_is_one_that_the_code_speaks() -> None:
    for name, channel in DOCUMENT["channels"].items():
        address = channel["address"].replace("{deviceId}", "cart-017")
        spoken = channel.get("x-channel", name)
        assert address in {topics.up("cart-017", spoken), topics.down("cart-017", spoken)}


def test_every_channel_is_used_by_an_operation_and_every_message_by_a_channel() -> None:
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert used == {f"#/channels/{name}" for name in DOCUMENT["channels"]}
    said = {
        message["$ref"]
        for channel in DOCUMENT["channels"].values()
        for message in channel["messages"].values()
    }
    assert said == {f"#/components/messages/{name}" for name in DOCUMENT["components"]["messages"]}


def test_what_is_signed_in_the_examples_holds() -> None:
    """So whoever writes a device of their own can try their verification on it."""
    examples = dict(EXAMPLES)
    trust = Trust.anchored(decode("TrustChain", examples["TrustChain"]).chain[0])
    offer = decode("Offer", examples["Offer"])
    then = trust.document.issued_at
    manifest = trust.manifest(offer.manifest, then)
    check_fits(manifest, "M40")
    check_directed(trust.direction(offer.direction, then), "cart-017", offer.manifest)
