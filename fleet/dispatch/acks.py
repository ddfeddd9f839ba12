"""The word to the devices after the commit: these readings are kept, you may forget them."""

from collections.abc import Collection, Iterable
from typing import Protocol

from prometheus_client import Counter

from fleet.dispatch.publisher import Publisher
from fleet.metrics import REGISTRY
from fleet.wire import topics
from fleet.wire.messages import PROTOCOL_VERSION, Ack, Refusal, encode

_said = Counter(
    "wardfleet_acks", "Acks handed to the broker, one for a device and boot.", registry=REGISTRY
)


class Kept(Protocol):
    """What one device is told of one boot."""

    seqs: set[int]
    refused: list[Refusal]


def send_acks(publisher: Publisher, acks: Iterable[tuple[tuple[str, int], Kept]]) -> None:
    """One message a device and boot. Lost, it does no harm: the device sends its readings again."""
    for (device_id, boot), kept in acks:
        message = Ack(PROTOCOL_VERSION, boot, ranges(kept.seqs), kept.refused)
        publisher.publish(topics.down(device_id, "ack"), encode(message))
        _said.inc()


def ranges(seqs: Collection[int]) -> list[tuple[int, int]]:
    """Whole numbers as inclusive ranges: {1, 2, 3, 7} -> [(1, 3), (7, 7)]."""
    found: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found
