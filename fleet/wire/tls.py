"""TLS as both sides speak it: whom to trust, and what to show."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the authority to trust, and one's own certificate and key where there are any."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, the other side's name checked. OSError for a file that cannot be read.

        A certificate that its holder renews is read anew by `show`, before each connection.
        """
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.show(context)
        return context

    def show(self, context: ssl.SSLContext) -> None:
        """Show what the files hold now."""
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
