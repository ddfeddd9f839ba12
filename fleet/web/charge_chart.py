"""Buckets of charge as the lines of a chart: a gap in the readings is a gap in the line."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from fleet.store.queries.charge_history import Bucket, bucket_for

SPANS = {
    "hours": timedelta(hours=6),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
MISSED_BEFORE_GAP = 4
"""As many reports may be missing before silence is drawn as silence."""
SHORTEST, LONGEST = timedelta(minutes=10), timedelta(days=366)
MINUTE = timedelta(minutes=1)


class Span(NamedTuple):
    """What is drawn: from one moment up to the other, in buckets of that width."""

    since: datetime
    until: datetime
    width: timedelta


def span_of(name: str, since_s: int | None, until_s: int | None, now: datetime) -> Span | None:
    """A span by its name, that ends now; or between two moments, in seconds since 1970.

    None for what is no span. A stretch shorter or longer than can be drawn grows or shrinks around
    its middle.
    """
    if since_s is None or until_s is None:
        length = SPANS.get(name)
        return None if length is None else Span(now - length, now, width_for(length))
    try:
        since, until = (datetime.fromtimestamp(moment, UTC) for moment in (since_s, until_s))
        length = min(max(until - since, SHORTEST), LONGEST)
        middle = since + (until - since) / 2
        return Span(middle - length / 2, middle + length / 2, width_for(length))
    except (OverflowError, ValueError, OSError):
        return None


def width_for(length: timedelta) -> timedelta:
    """Within hours every reading counts; else as the history is gathered."""
    return MINUTE if length <= SPANS["hours"] else bucket_for(length)


Line = list[float | None]


def lines(buckets: Sequence[Bucket], bucket_s: int, interval_s: int) -> dict[str, Line]:
    """Columns for the chart, each as long as `at`; None where nothing was heard."""
    # Readings so far apart lie at most a bucket more than that apart by the starts of theirs.
    longest = MISSED_BEFORE_GAP * interval_s + bucket_s
    found: dict[str, Line] = {"at": [], "mean": [], "low": [], "high": [], "charging": []}
    previous: int | None = None
    for bucket in buckets:
        if previous is not None and bucket.start - previous > longest:
            _append(found, previous + bucket_s, None)
        _append(found, bucket.start, bucket)
        previous = bucket.start
    return found


def _append(found: dict[str, Line], at: int, bucket: Bucket | None) -> None:
    found["at"].append(at)
    for name in ("mean", "low", "high"):
        found[name].append(getattr(bucket, name) if bucket else None)
    found["charging"].append(int(bucket.charging) if bucket else 0)
