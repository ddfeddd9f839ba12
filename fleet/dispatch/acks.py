"""The word to the devices after the commit: these readings are kept, you may forget them."""

from collections.abc import Collection, Iterator
from typing import Protocol

from prometheus_client import Counter

from fleet.metrics import REGISTRY
from fleet.wire import topics
from fleet.wire.messages import PROTOCOL_VERSION, Ack, Refusal, encode
from fleet.wire.packets import publish

_said = Counter(
    "wardfleet_acks", "Acks handed to the broker, one for a device and boot.", registry=REGISTRY
)


class Kept(Protocol):
    """What one device is told of one boot."""

    seqs: set[int]
    refused: list[Refusal]


AT_ONCE = 500
"""Ranges and refusals in one message. A broker that finds one too large hangs up on us, again and
again, and nobody hears an ack."""


def ack_packets(acks: Collection[tuple[tuple[str, int], Kept]]) -> bytes:
    """Mostly one MQTT message a device and boot, at QoS 0.

    Lost, it does no harm: the device sends its readings again, and is acked again.
    """
    _said.inc(len(acks))
    return b"".join(
        publish(topics.down(device_id, "ack"), encode(message))
        for (device_id, boot), kept in acks
        for message in _messages(boot, kept)
    )


def _messages(boot: int, kept: Kept) -> Iterator[Ack]:
    covered = ranges(kept.seqs)
    for begin in range(0, max(len(covered), len(kept.refused)), AT_ONCE):
        here = slice(begin, begin + AT_ONCE)
        yield Ack(PROTOCOL_VERSION, boot, covered[here], kept.refused[here])


def ranges(seqs: Collection[int]) -> list[tuple[int, int]]:
    """Whole numbers as inclusive ranges: {1, 2, 3, 7} -> [(1, 3), (7, 7)]."""
    found: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found
