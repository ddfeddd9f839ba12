"""What a hospital's ticket system or pager may ask to hear of."""

from enum import StrEnum


class Event(StrEnum):
    ALERT_OPENED = "alert.opened"
    ALERT_ESCALATED = "alert.escalated"
    """Nobody has done anything about it for too long."""
    ALERT_RESOLVED = "alert.resolved"
    TICKET_OPENED = "ticket.opened"
    TICKET_FIXED = "ticket.fixed"
    TICKET_WITHDRAWN = "ticket.withdrawn"
    """It was a mistake, or the device has left management: nothing is to be done any more."""
    TEST = "test"
    """Somebody tries whether the receiver hears; it comes to that one alone."""


EVENTS = tuple(event for event in Event if event != Event.TEST)
"""Those to choose from."""
OF_ALERTS = frozenset({Event.ALERT_OPENED, Event.ALERT_ESCALATED, Event.ALERT_RESOLVED})


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """The receiver did not take it for a day; it waits for somebody to decide."""
    LET_BE = "let_be"
    """Somebody has decided that it need not come any more."""
