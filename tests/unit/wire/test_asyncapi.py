import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fleet.wire import messages, topics

DOCUMENT = yaml.safe_load((Path(__file__).parents[3] / "docs" / "asyncapi.yaml").read_text("utf-8"))
EXAMPLES = [
    (name, example["payload"])
    for name, message in DOCUMENT["components"]["messages"].items()
    for example in message["examples"]
]


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_every_example_of_the_published_protocol_is_understood(name: str, payload: Any) -> None:
    decoded = msgspec.json.decode(json.dumps(payload), type=getattr(messages, name))
    again = msgspec.json.decode(messages.encode(decoded), type=type(decoded))
    assert again == decoded
    unknown = set(payload) - {field.name for field in msgspec.structs.fields(decoded)}
    assert not unknown


def test_every_published_address_is_one_that_the_code_speaks() -> None:
    for name, channel in DOCUMENT["channels"].items():
        address = channel["address"].replace("{deviceId}", "cart-017")
        spoken = channel.get("x-channel", name)
        assert address in {topics.up("cart-017", spoken), topics.down("cart-017", spoken)}
