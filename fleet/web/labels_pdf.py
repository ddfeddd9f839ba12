"""A sheet of labels: 3 by 8 on A4, 70 by 37 mm each, as office suppliers sell them."""

from collections.abc import Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

import segno
from fpdf import FPDF
from ttf_opensans import OPENSANS_BOLD, OPENSANS_REGULAR

from fleet.services.enrolment_tokens import Ticket
from fleet.wire.invitation import Invitation

COLUMNS, ROWS = 3, 8
WIDTH, HEIGHT, PADDING, QR_MM = 70.0, 37.0, 3.0, 31.0
FONT = "Open Sans"


def labels_pdf(labels: Sequence[tuple[Ticket, Invitation]], timezone: str) -> bytes:
    """Tokens are in it, and nowhere else."""
    paper = FPDF(format="A4")
    paper.add_font(FONT, "", OPENSANS_REGULAR.path)
    paper.add_font(FONT, "B", OPENSANS_BOLD.path)
    paper.set_auto_page_break(False)
    paper.set_title("Enrolment labels")
    for number, (ticket, invitation) in enumerate(labels):
        place = number % (COLUMNS * ROWS)
        if place == 0:
            paper.add_page()
        x = place % COLUMNS * WIDTH
        y = place // COLUMNS * HEIGHT + 0.5
        _label(paper, x, y, ticket, invitation, timezone)
    return bytes(paper.output())


def _label(
    paper: FPDF, x: float, y: float, ticket: Ticket, invitation: Invitation, timezone: str
) -> None:
    draw_qr(paper, x + PADDING, y + PADDING, str(invitation))
    until = ticket.expires_at.astimezone(ZoneInfo(timezone))
    left, width = x + 2 * PADDING + QR_MM, WIDTH - 3 * PADDING - QR_MM
    paper.set_xy(left, y + PADDING)
    paper.set_font(FONT, "B", 11)
    paper.multi_cell(width, 5, ticket.asset_tag, align="L", new_x="LEFT", new_y="NEXT")
    paper.set_font(FONT, "", 7)
    for words in (ticket.ward, ticket.device_id, f"once, until {until:%d %b %H:%M}"):
        paper.multi_cell(width, 3.5, words, align="L", new_x="LEFT", new_y="NEXT")


def draw_qr(paper: FPDF, x: float, y: float, text: str) -> None:
    """As vectors, dark modules of a row in one go: sharp on any printer."""
    matrix = segno.make(text, error="m", micro=False).matrix
    size = QR_MM / len(matrix)
    paper.set_fill_color(0, 0, 0)
    for row, modules in enumerate(matrix):
        column = 0
        for is_dark, run in groupby(modules):
            length = len(list(run))
            if is_dark:
                paper.rect(x + column * size, y + row * size, length * size, size, style="F")
            column += length
