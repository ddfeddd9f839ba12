"""Buckets of charge as the lines of a chart: a gap in the readings is a gap in the line."""

from collections.abc import Sequence
from datetime import timedelta

from fleet.store.queries.charge_history import Bucket

SPANS = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
MISSED_BEFORE_GAP = 4
"""As many reports may be missing before silence is drawn as silence."""

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
