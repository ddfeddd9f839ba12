"""A picture that somebody uploads is made harmless: drawn anew, or rebuilt from what is known.

Of a PNG the pixels stay, of an SVG the shapes and words on a list: nothing that runs, loads, or
leads elsewhere. It is served so that no script could run in it besides (`web.views.floors`).
"""

import re
from io import BytesIO
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image, UnidentifiedImageError

from fleet.services.errors import Invalid

MOST_BYTES = 1_000_000
MOST_PIXELS = 4_000
"""On a side."""
SVG = "http://www.w3.org/2000/svg"
SHAPES = frozenset(
    {
        "svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line",
        "polyline", "polygon", "text", "tspan", "clipPath", "linearGradient", "radialGradient",
        "stop",
    }
)  # fmt: skip
GIVEN = frozenset(
    {
        "id", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width",
        "height", "points", "dx", "dy", "viewBox", "transform", "fill", "fill-opacity",
        "fill-rule", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin",
        "stroke-dasharray", "stroke-opacity", "opacity", "font-size", "font-family",
        "font-weight", "text-anchor", "dominant-baseline", "clip-path", "offset", "stop-color",
        "stop-opacity", "gradientUnits", "gradientTransform", "clipPathUnits",
        "preserveAspectRatio",
    }
)  # fmt: skip
_REFERENCE = re.compile(r"url\s*\(\s*(?!['\"]?#)|javascript:|data:|\\", re.IGNORECASE)
_LENGTH = re.compile(r"([0-9]{1,5}(?:\.[0-9]+)?)(?:px)?")


class Picture(NamedTuple):
    """Width and height: pixels, or units of the drawing; only their ratio counts."""

    media_type: str
    content: bytes
    width: int
    height: int


def harmless(content: bytes) -> Picture:
    """Raises Invalid, saying what would be right."""
    if not content:
        raise _invalid("a PNG or SVG file")
    if len(content) > MOST_BYTES:
        raise _invalid(f"at most {MOST_BYTES // 1_000} kB; this has {len(content) // 1_000} kB")
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(content)
    if b"<svg" in content[:4_096]:
        return _svg(content)
    raise _invalid("a PNG or SVG file; this is neither")


def _png(content: bytes) -> Picture:
    """Its pixels, written anew: words, profiles and whatever hangs behind them are gone."""
    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as given:
            if max(given.size) > MOST_PIXELS:
                raise _invalid(f"at most {MOST_PIXELS} pixels on a side; this has {given.size}")
            pixels = given.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise _invalid("a PNG that can be read; this one is damaged") from error
    except Image.DecompressionBombError as error:
        raise _invalid(f"at most {MOST_PIXELS} pixels on a side") from error
    anew = Image.new("RGBA", pixels.size)
    anew.paste(pixels)
    written = BytesIO()
    anew.save(written, "PNG", optimize=True)
    return Picture("image/png", written.getvalue(), *pixels.size)


def _svg(content: bytes) -> Picture:
    """What is on the lists, in the same order; all else is left out, with all that is in it."""
    try:
        given = fromstring(content.decode("utf-8"), forbid_dtd=True)
    except (
        ParseError,
        UnicodeDecodeError,
        DefusedXmlException,
        ValueError,
        RecursionError,
    ) as error:
        raise _invalid("an SVG in UTF-8, without a document type; this cannot be read") from error
    if given.tag != f"{{{SVG}}}svg":
        raise _invalid("an SVG: its first element is not svg")
    width, height = _size(given)
    root = Element("svg", {"xmlns": SVG, **_attributes(given)})
    root.attrib |= {"width": str(width), "height": str(height)}
    root.attrib.setdefault("viewBox", f"0 0 {width} {height}")
    _copy(given, root, depth=0)
    return Picture("image/svg+xml", tostring(root, encoding="utf-8"), width, height)


def _copy(given: Element, to: Element, depth: int) -> None:
    if depth > 64:
        raise _invalid("an SVG with groups at most 64 deep")
    to.text = given.text
    for child in given:
        name = child.tag.removeprefix(f"{{{SVG}}}") if isinstance(child.tag, str) else ""
        if name in SHAPES - {"svg"}:
            copied = SubElement(to, name, _attributes(child))
            copied.tail = child.tail
            _copy(child, copied, depth + 1)


def _attributes(given: Element) -> dict[str, str]:
    return {
        name: value
        for name, value in given.attrib.items()
        if name in GIVEN and not _REFERENCE.search(value)
    }


def _size(given: Element) -> tuple[int, int]:
    box = re.split(r"[\s,]+", given.get("viewBox", "").strip())
    if len(box) == 4 and all(re.fullmatch(r"-?[0-9.]{1,9}", part) for part in box):
        width, height = box[2:]
    else:
        found = [_LENGTH.fullmatch(given.get(side, "").strip()) for side in ("width", "height")]
        width, height = (match[1] if match else "" for match in found)
    try:
        sides = round(float(width)), round(float(height))
    except ValueError:
        raise _invalid("an SVG with a viewBox, or a width and height in pixels") from None
    if min(sides) < 1:
        raise _invalid("an SVG with a viewBox, or a width and height in pixels")
    return sides


def _invalid(words: str) -> Invalid:
    return Invalid({"picture": words})
