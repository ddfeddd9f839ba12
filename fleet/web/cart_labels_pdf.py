"""A sheet of labels for carts: the code on each opens its card on a phone."""

from collections.abc import Sequence

from fpdf import FPDF
from ttf_opensans import OPENSANS_BOLD, OPENSANS_REGULAR

from fleet.store.queries.kiosks import Label
from fleet.web.labels_pdf import COLUMNS, FONT, HEIGHT, PADDING, QR_MM, ROWS, WIDTH, draw_qr


def cart_labels_pdf(labels: Sequence[tuple[Label, str]]) -> bytes:
    """Each label with the address that its code leads to; on the same paper as those to enrol."""
    paper = FPDF(format="A4")
    paper.add_font(FONT, "", OPENSANS_REGULAR.path)
    paper.add_font(FONT, "B", OPENSANS_BOLD.path)
    paper.set_auto_page_break(False)
    paper.set_title("Cart labels")
    for number, (label, address) in enumerate(labels):
        place = number % (COLUMNS * ROWS)
        if place == 0:
            paper.add_page()
        _label(paper, place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT + 0.5, label, address)
    return bytes(paper.output())


def _label(paper: FPDF, x: float, y: float, label: Label, address: str) -> None:
    draw_qr(paper, x + PADDING, y + PADDING, address)
    left, width = x + 2 * PADDING + QR_MM, WIDTH - 3 * PADDING - QR_MM
    paper.set_xy(left, y + PADDING)
    paper.set_font(FONT, "B", 13)
    paper.multi_cell(width, 6, label.asset_tag, align="L", new_x="LEFT", new_y="NEXT")
    paper.set_font(FONT, "", 7)
    for words in (label.ward_name, "Take it, bring it back, or say that it is broken"):
        paper.multi_cell(width, 3.5, words, align="L", new_x="LEFT", new_y="NEXT")
