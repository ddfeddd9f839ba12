"""Step 1, decode: bytes to messages, strictly; the rest is rejected, each with its reason."""

from datetime import UTC
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from fleet.ingest.batch import Batch, Inbound, Rejected, Spoken
from fleet.wire import topics
from fleet.wire.firmware import JobReport, is_job_id
from fleet.wire.messages import (
    MAX_MESSAGE_BYTES,
    MAX_READINGS,
    Answer,
    Birth,
    Counter,
    Heartbeat,
    Reading,
    Refusal,
    Reported,
    State,
    Telemetry,
    Version,
)
from fleet.wire.strict import gives_a_key_twice

HEARTBEAT = "heartbeat"
JOB = "job"
T = TypeVar("T", bound=Struct)

_DECODERS: dict[str, msgspec.json.Decoder[Struct]] = {
    "birth": msgspec.json.Decoder(Birth),
    "state": msgspec.json.Decoder(State),
    "telemetry": msgspec.json.Decoder(Telemetry),
    "reported": msgspec.json.Decoder(Reported),
    "cmd": msgspec.json.Decoder(Answer),
    JOB: msgspec.json.Decoder(JobReport),
}
_heartbeat = msgspec.json.Decoder(Heartbeat)


class _RawTelemetry(Struct, omit_defaults=True):
    """Telemetry whose readings are judged one by one, because one of them is bad."""

    v: Version
    boot: Counter
    readings: Annotated[list[Raw], Meta(min_length=1, max_length=MAX_READINGS)]
    uptime_s: Counter | None = None
    device_id: str | None = None


class _JustReadings(Struct):
    """What is left of a message of which something else is wrong."""

    boot: Counter
    readings: list[Raw]
    device_id: str | None = None


class _JustSeq(Struct):
    seq: Counter


_raw_telemetry = msgspec.json.Decoder(_RawTelemetry)
_reading = msgspec.json.Decoder(Reading)
_just_readings = msgspec.json.Decoder(_JustReadings)
_just_seq = msgspec.json.Decoder(_JustSeq)

# UnicodeDecodeError is a ValueError; deep nesting ends in RecursionError; year 9999 west of
# Greenwich overflows on its way to UTC.
_UNACCEPTABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


def decode(batch: Batch) -> None:
    """Sort the inbound into `spoken` and `rejected`; nothing that a device says can raise here."""
    for heard in batch.inbound:
        try:
            _decode_one(batch, heard)
        except _UNACCEPTABLE as error:
            batch.rejected.append(Rejected(heard, _words(error), _sender(heard)))
            refuse_all(batch, heard, _words(error))


def _decode_one(batch: Batch, heard: Inbound) -> None:
    if heard.topic == topics.HEARTBEAT:
        batch.spoken.append(Spoken("", HEARTBEAT, _heartbeat.decode(heard.payload), heard))
        return
    address = topics.parse_up(heard.topic)
    channel = _channel(address) if address else None
    if address is None or channel not in _DECODERS:
        raise ValueError(f"topic: expected fleet/v1/up/{{device id}}/{{{'|'.join(_DECODERS)}}}")
    if not topics.is_device_id(address.device_id):
        raise ValueError("device id: expected 3 to 63 of a-z, 0-9 and '-'")
    size = heard.size or len(heard.payload)
    if size > MAX_MESSAGE_BYTES:
        raise ValueError(f"size: {size} bytes, at most {MAX_MESSAGE_BYTES}")
    message = _message(batch, heard, address.device_id, channel)
    named = getattr(message, "device_id", None)
    if named is not None and named != address.device_id:
        raise ValueError(f"device_id: expected the topic's, `{address.device_id}`")
    batch.spoken.append(Spoken(address.device_id, channel, message, heard))


def _channel(address: topics.UpTopic) -> str:
    """Each job has a topic of its own, below the channel."""
    name, _, job_id = address.channel.partition("/")
    return JOB if name == JOB and is_job_id(job_id) else address.channel


def _message(batch: Batch, heard: Inbound, device_id: str, channel: str) -> Struct:
    decoder = _DECODERS[channel]
    if channel != "telemetry":
        return _strictly(decoder, heard.payload)
    try:
        message = _strictly(decoder, heard.payload)
        assert isinstance(message, Telemetry)
        for reading in message.readings:
            _to_utc(reading)
    except _UNACCEPTABLE:
        return _salvage(batch, heard, device_id)
    return message


def _strictly(decoder: msgspec.json.Decoder[T], payload: bytes) -> T:
    message = decoder.decode(payload)
    if gives_a_key_twice(payload, message):
        raise ValueError("a key is given twice in one object")
    return message


def _salvage(batch: Batch, heard: Inbound, device_id: str) -> Telemetry:
    """The good readings of a message; the bad ones are refused by seq, and set aside as one."""
    raw = _strictly(_raw_telemetry, heard.payload)
    if raw.device_id not in (None, device_id):
        raise ValueError(f"device_id: expected the topic's, `{device_id}`")
    good, bad = [], []
    for part in raw.readings:
        try:
            good.append(_to_utc(_strictly(_reading, bytes(part))))
        except _UNACCEPTABLE as error:
            bad.append((bytes(part), _words(error)))
    if not bad:
        raise ValueError("not understood as a whole")
    for body, reason in bad:
        _refuse(batch, device_id, raw.boot, body, reason)
    first, reason = bad[0]
    more = f" (and {len(bad) - 1} more readings of this message)" if len(bad) > 1 else ""
    batch.rejected.append(Rejected(heard, reason + more, device_id, payload=first))
    return Telemetry(raw.v, raw.boot, good, raw.uptime_s, raw.device_id)


def refuse_all(batch: Batch, heard: Inbound, reason: str) -> None:
    """Tell the device that no reading of this message will be taken, as far as they can be read."""
    address = topics.parse_up(heard.topic)
    if address is None or address.channel != "telemetry":
        return
    try:
        raw = _just_readings.decode(heard.payload)
    except _UNACCEPTABLE:
        return
    if raw.device_id in (None, address.device_id):
        for part in raw.readings:
            _refuse(batch, address.device_id, raw.boot, bytes(part), reason)


def _refuse(batch: Batch, device_id: str, boot: int, part: bytes, reason: str) -> None:
    try:
        seq = _just_seq.decode(part).seq
    except _UNACCEPTABLE:
        return
    batch.ack_for(device_id, boot).refused.append(Refusal(seq, reason[:200]))


def _to_utc(reading: Reading) -> Reading:
    reading.ts = reading.ts.astimezone(UTC)
    return reading


def _sender(heard: Inbound) -> str | None:
    address = topics.parse_up(heard.topic)
    return address.device_id[:64] if address else None


def _words(error: Exception) -> str:
    """The reason in words: msgspec names the field (`$.readings[0].batteries[0].soc_pct`)."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, OverflowError):
        return "ts: out of the range of years 1 to 9999 in UTC"
    return str(error)[:512]
