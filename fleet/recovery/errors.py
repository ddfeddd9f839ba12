"""What can go wrong with a backup, in words for the operator."""

from fleet.services.errors import ServiceError


class RecoveryError(ServiceError):
    """Nothing was changed, unless the message says so."""
