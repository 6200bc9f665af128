"""Whether a page fits screens of several widths, in the machine's font and in a much wider one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from playwright.sync_api import Page

WIDTHS = (320, 390, 768, 1280, 3840)
HEIGHT = 800

WIDE_FONT = """
    html { font-size: 125% !important; }
    body, body * { letter-spacing: 0.1em !important; }
    body, body *:not(code) { font-family: "DejaVu Sans", Verdana, sans-serif !important; }
"""
"""A font a quarter larger, and wider than any that a browser would take: a layout that just fits does not fit it."""

OVERFLOW = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = (element) => {
        for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
            if (getComputedStyle(at).overflowX !== "visible") return true;
        }
        return false;
    };
    const outside = (element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && (box.right > width + 1 || box.left < -1) && !scrolls(element);
    };
    const wide = document.documentElement.scrollWidth > width || document.body.scrollWidth > width;
    if (!wide) return null;
    const found = [...document.body.querySelectorAll("*")].filter(outside).slice(0, 3);
    return found.map((one) => one.outerHTML.slice(0, 90)).join(" | ") || "something";
}"""


def overflows(page: Page, widths: Sequence[int] = WIDTHS, height: int = HEIGHT) -> Iterator[str]:
    """What reaches beyond the screen: width, font, and the first elements outside it; nothing where the page fits."""
    for font in ("machine's", "wide"):
        if font == "wide":
            page.add_style_tag(content=WIDE_FONT)
        for width in widths:
            page.set_viewport_size({"width": width, "height": height})
            if outside := page.evaluate(OVERFLOW):
                yield f"{width} px, {font} font: {outside}"
