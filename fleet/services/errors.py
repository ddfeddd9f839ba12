"""What can go wrong in a use case, in words for the person who asked."""


class ServiceError(Exception):
    """Base of all; `message` is fit to be shown."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(ServiceError):
    pass


class Conflict(ServiceError):
    """What is asked contradicts what is there."""


class StaleVersion(ServiceError):
    """Somebody else has changed it since it was read."""


class Unauthorized(ServiceError):
    """Who asks has not proved to be who they say."""


class TooManyAttempts(ServiceError):
    """Try again later."""


class Invalid(ServiceError):
    """`fields`: what is wrong with each field, and what would be right."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in fields.items()))
        self.fields = fields
