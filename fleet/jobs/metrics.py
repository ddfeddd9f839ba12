"""How the scheduled jobs fare."""

from prometheus_client import Counter, Gauge, Histogram

from fleet.metrics import REGISTRY

# The label is `name`: `job` is Prometheus's own word for what it scrapes.
SECONDS = Histogram(
    "wardfleet_job_seconds",
    "How long a scheduled job takes.",
    ["name"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600),
    registry=REGISTRY,
)
FAILURES = Counter("wardfleet_job_failures", "Jobs that raised.", ["name"], registry=REGISTRY)
EXPIRY = Gauge(
    "wardfleet_certificate_expiry_timestamp_seconds",
    "When a certificate of the service, or its revocation list, ends, in seconds since 1970.",
    ["name"],
    registry=REGISTRY,
)
LAST_SUCCESS = Gauge(
    "wardfleet_job_last_success_timestamp_seconds",
    "When a job last ended well, in seconds since 1970.",
    ["name"],
    registry=REGISTRY,
)
