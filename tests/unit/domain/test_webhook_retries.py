"""How long a receiver is left alone, and how long a message that it alone does not take."""

from datetime import timedelta

from fleet.domain.webhooks.retries import aside, rest


def test_pauses_double_and_end_where_a_pager_would_wait_too_long() -> None:
    assert [rest(n).total_seconds() for n in range(1, 8)] == [5, 10, 20, 40, 80, 120, 120]
    assert rest(10_000) == timedelta(minutes=2)


def test_a_message_aside_is_tried_ever_less_down_to_once_an_hour() -> None:
    assert [aside(n).total_seconds() for n in (3, 4, 9, 10)] == [20, 40, 1280, 2560]
    assert aside(11) == aside(10_000) == timedelta(hours=1)
