"""The purchase list on paper: what to order by the end of the next quarter, and why so much.

Cells are plain text to fpdf2: nothing that a device sends is markup here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace
from ttf_opensans import OPENSANS_BOLD, OPENSANS_REGULAR

from fleet.domain.battery.quarters import Quarter
from fleet.store.queries.batteries import PackRow
from fleet.web.purchasing import Need, money

FONT = "Open Sans"
INK, SOFT, LINE, GROUND = (20, 32, 43), (76, 92, 107), (207, 217, 225), (233, 238, 242)
MOST_WARDS = 12


@dataclass(frozen=True, slots=True)
class Purchase:
    hospital: str
    today: date
    quarter: Quarter
    needs: Sequence[Need]
    """By model."""
    whole: Need
    wards: Mapping[int, str]
    claims: Sequence[PackRow]


class _Paper(FPDF):
    def __init__(self, foot: str) -> None:
        super().__init__(orientation="landscape", format="A4")
        self.foot = foot
        self.add_font(FONT, "", OPENSANS_REGULAR.path)
        self.add_font(FONT, "B", OPENSANS_BOLD.path)
        self.set_margins(15, 14)
        self.set_auto_page_break(True, margin=16)
        self.set_draw_color(*LINE)
        self.set_lang("en-GB")

    def footer(self) -> None:
        self.set_y(-12)
        self._ink(8, SOFT)
        self.cell(0, 5, self.foot)
        self.set_x(-45)
        self.cell(30, 5, f"page {self.page_no()} of {{nb}}", align="R")

    def heading(self, text: str, size: int) -> None:
        self._ink(size, INK, "B")
        self.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT")
        self.ln(1.5)

    def words(self, text: str) -> None:
        self._ink(9.5, SOFT)
        self.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT")
        self.ln(2)

    def rows(
        self, heads: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[str]], align: str
    ) -> None:
        self._ink(9, INK)
        with self.table(
            col_widths=tuple(widths),
            text_align=tuple("RIGHT" if letter == "R" else "LEFT" for letter in align),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=SOFT, fill_color=GROUND),
            line_height=5,
            padding=(1.2, 2),
            first_row_as_headings=True,
        ) as table:
            for cells in (heads, *rows):
                table.row(cells)
        self.ln(5)

    def _ink(self, size: float, colour: tuple[int, int, int], style: str = "") -> None:
        self.set_font(FONT, style, size)
        self.set_text_color(*colour)


def purchase_pdf(purchase: Purchase) -> bytes:
    title = f"Battery packs to order by the end of {purchase.quarter}"
    paper = _Paper(f"{purchase.hospital}, {purchase.today:%d %B %Y}")
    paper.set_title(title)
    paper.set_subject(purchase.hospital)
    paper.set_creator("Wardfleet")
    paper.add_page()
    paper.heading(title, 17)
    paper.words(_summary(purchase))
    _write_models(paper, purchase)
    _write_claims(paper, purchase)
    paper.words(
        "A pack counts by the day on which its health most likely falls below its threshold. "
        '"At least" are packs whose whole 80 % interval ends before the quarter does, "at most" '
        "those whose interval begins before that. Costs are of the likely number."
    )
    return bytes(paper.output())


def _summary(purchase: Purchase) -> str:
    whole = purchase.whole
    if not whole.order.most:
        return f"{purchase.hospital}: no pack falls below its threshold by {purchase.quarter.last}."
    told = [f"{purchase.hospital}. To order: {whole.order}"]
    if cost := money(whole.cost):
        told.append(f"cost {cost}")
    if claimed := money(whole.claimed):
        told.append(f"of it {claimed} under warranty ({whole.claims} packs)")
    if whole.unpriced:
        told.append(f"{whole.unpriced} packs have no price yet")
    return "; ".join(told) + "."


def _write_models(paper: _Paper, purchase: Purchase) -> None:
    if not purchase.needs:
        return
    heads = ("Model", "Chemistry", "To order", "At least", "At most", "Cost", "Under warranty",
             "Order by", "Wards")  # fmt: skip
    rows = [
        (
            need.name or "model unknown",
            need.chemistry or "",
            str(need.order.likely),
            str(need.order.least),
            str(need.order.most),
            money(need.cost) or "no price yet",
            str(need.claims or ""),
            _order_by(need, purchase.today),
            _wards(need, purchase.wards),
        )
        for need in purchase.needs
    ]
    paper.rows(heads, (32, 22, 17, 17, 17, 34, 22, 24, 82), rows, "LLRRRRRLL")


def _order_by(need: Need, today: date) -> str:
    if need.order_by is None:
        return ""
    return "now" if need.order_by <= today else need.order_by.isoformat()


def _wards(need: Need, names: Mapping[int, str]) -> str:
    told = [f"{names.get(ward, '?')} {packs}" for ward, packs in need.wards.most_common(MOST_WARDS)]
    more = len(need.wards) - len(told)
    return ", ".join(told) + (f", and {more} more wards" if more > 0 else "")


def _write_claims(paper: _Paper, purchase: Purchase) -> None:
    if not purchase.claims:
        return
    paper.heading("Warranty claims", 13)
    shown, whole = len(purchase.claims), purchase.whole.claims
    paper.words(
        "These fall below their threshold while their warranty holds."
        + (f" {shown} of {whole}; the CSV has all of them." if shown < whole else "")
    )
    heads = ("Serial", "Model", "Device", "Ward", "Health", "Cycles", "Falls", "Warranty until")
    rows = [
        (
            pack.serial or f"slot {pack.slot}",
            pack.model or "",
            pack.asset_tag,
            pack.ward_name,
            "" if pack.health_pct is None else f"{pack.health_pct:.0f} %",
            "" if pack.age_cycles is None else f"{pack.age_cycles:.0f}",
            str(pack.falls_on or ""),
            str(pack.warranty_until or ""),
        )
        for pack in purchase.claims
    ]
    paper.rows(heads, (44, 36, 36, 60, 18, 18, 26, 29), rows, "LLLLRRLL")
