"""What people would see of a template that nobody has marked for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

SPOKEN = {"alt", "aria-description", "aria-label", "placeholder", "title"}
"""Attributes that people read or hear."""
NAMES = {"Wardfleet", "IT", "API", "kB", "MB"}
"""The same in every language."""

_WORD = re.compile(r"[^\W\d_]{2,}")


def unmarked(template: Path) -> list[str]:
    """The words that stand in the page as they stand in the file."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    page = _Page()
    page.feed("".join(_written(environment.parse(template.read_text()))))
    page.close()
    return page.found


def _written(node: nodes.Node) -> Iterator[str]:
    """All text of the template in its order: what is computed leaves a gap, but for constants."""
    if isinstance(node, nodes.Block) and node.name == "body_attributes":
        return  # within a tag of another file
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Output):
        for part in node.nodes:
            yield from _written(part)
    elif isinstance(node, nodes.Expr):
        yield from _constants(node)
    elif not isinstance(node, nodes.Assign):
        for child in node.iter_child_nodes():
            if not isinstance(child, nodes.Expr):
                yield from _written(child)


def _constants(node: nodes.Expr) -> Iterator[str]:
    """Words that an expression may become: not those that it compares or hands to a function."""
    if isinstance(node, nodes.Const):
        yield f" {node.value} " if isinstance(node.value, str) else ""
    elif isinstance(node, nodes.CondExpr):
        for branch in (node.expr1, node.expr2):
            if branch is not None:
                yield from _constants(branch)
    elif isinstance(node, nodes.Concat):
        for part in node.nodes:
            yield from _constants(part)
    elif isinstance(node, (nodes.Or, nodes.And, nodes.Add)):
        yield from _constants(node.left)
        yield from _constants(node.right)
    elif isinstance(node, nodes.Filter) and node.name != "refusal" and node.node is not None:
        yield from _constants(node.node)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("code", "script", "style", "svg")
        for name, value in attrs:
            if name in SPOKEN:
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("code", "script", "style", "svg")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._look(data)

    def _look(self, text: str) -> None:
        if set(_WORD.findall(text)) - NAMES:
            self.found.append(" ".join(text.split()))
