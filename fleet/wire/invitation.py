"""What a label says to the device that it sticks on, as one line of text and as a QR code."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from fleet.wire import topics


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where to enrol, as whom, by which token, and whom to trust.

    `ca_sha256`: of the authority's certificate (DER), by which the device knows it before it has
    heard of it (RFC 7030, 4.1.1).
    """

    url: str
    device_id: str
    token: str
    ca_sha256: str

    def __str__(self) -> str:
        values = {"url": self.url, "id": self.device_id, "token": self.token, "ca": self.ca_sha256}
        return f"wardfleet:enrol?{urlencode(values, safe=':/')}"

    @classmethod
    def parse(cls, text: str) -> "Invitation":
        """Raises ValueError, naming what is missing."""
        parts = urlsplit(text.strip())
        if parts.scheme != "wardfleet":
            raise ValueError("an enrolment code begins with wardfleet:enrol?")
        values = {name: found[0] for name, found in parse_qs(parts.query).items()}
        missing = [name for name in ("url", "id", "token", "ca") if name not in values]
        if missing:
            raise ValueError(f"the enrolment code lacks {', '.join(missing)}: is it whole?")
        if not topics.is_device_id(values["id"]):
            raise ValueError(f"not a device id: {values['id']!r}")
        return cls(values["url"], values["id"], values["token"], values["ca"])
