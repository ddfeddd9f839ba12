"""The secret of a webhook: made anew whenever it is needed, and kept nowhere.

Of the installation's own key, which is in a file beside the database and in no dump of it: who has
the database alone cannot sign.
"""

import hmac

from fleet.wire.webhooks import secret_of

_PURPOSE = b"wardfleet webhook"


def webhook_secret(secret_key: str, salt: str) -> str:
    """Like `whsec_...`: 256 bits (HMAC-SHA256)."""
    own = hmac.digest(secret_key.encode(), _PURPOSE, "sha256")
    return secret_of(hmac.digest(own, salt.encode(), "sha256"))
