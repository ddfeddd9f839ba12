"""Labels: the code on them is read again as what it was."""

from datetime import UTC, datetime

import pytest

from fleet.services.enrolment_tokens import Ticket
from fleet.web.labels_pdf import labels_pdf
from fleet.wire.invitation import Invitation

LABEL = Invitation("https://[::1]:8443", "cart-001", "wfe_a-b_c", "ab" * 32)


def test_a_code_says_what_was_put_in_it() -> None:
    assert Invitation.parse(f" {LABEL}\n") == LABEL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://fleet.example", "begins with wardfleet"),
        ("wardfleet:enrol?url=https://x&id=cart-001", "lacks token, ca"),
        (str(LABEL).replace("cart-001", "CART 1"), "not a device id"),
    ],
)
def test_half_a_code_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Invitation.parse(text)


def test_a_sheet_has_24_labels() -> None:
    ticket = Ticket("cart-001", "CART-001", "ICU", "wfe_a-b_c", datetime(2026, 11, 24, tzinfo=UTC))
    for count, pages in ((1, 1), (24, 1), (25, 2)):
        sheet = labels_pdf([(ticket, LABEL)] * count, "Europe/Berlin")
        assert sheet.count(b"/Type /Page\n") == pages
