"""`make page-pictures PAGE=out/report.html`: a page as people see it, as PNGs to look at.

On a wide screen and on a phone, light, dark and printed; of each the first screen and all of it. What the
browser complains of, and what the page requests, is printed, and makes the exit code 1. So does what axe-core
finds, with `--axe=axe.min.js` (`npm pack axe-core` has that file); the project itself does not need it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from support.browser import Browser, browsing


class Look(NamedTuple):
    name: str
    width: int
    dark: bool = False
    media: str = ""


LOOKS = (
    Look("wide", 1280),
    Look("phone", 390),
    Look("dark", 1280, dark=True),
    Look("phone-dark", 390, dark=True),
    Look("print", 800, media="print"),
)
_AXE = """
axe.run().then(found => found.violations.map(
  violation => `${violation.id} (${violation.impact}): ${violation.nodes.map(node => node.html).slice(0, 3)}`
))
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the pictures; 0 where neither the browser nor axe has anything to say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("page", type=Path, metavar="PAGE", help="report.html, index.html or backtest.html")
    parser.add_argument("--output", type=Path, default=Path("build/page"), metavar="DIR")
    parser.add_argument("--axe", type=Path, metavar="FILE", help="axe-core's axe.min.js")
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    axe = "" if options.axe is None else options.axe.read_text(encoding="utf-8")
    with browsing() as browser:
        remarks = [
            remark for look in LOOKS for remark in examine(browser, options.page, look, options.output, axe)
        ]
    for remark in remarks:
        print(remark)
    print(f"{len(list(options.output.glob('*.png')))} pictures in {options.output}")
    return 1 if remarks else 0


def examine(browser: Browser, page: Path, look: Look, folder: Path, axe: str) -> Iterator[str]:
    """Draws the page; what there is to complain of."""
    browser.look(dark=look.dark, media=look.media)
    browser.open(page, look.width)
    browser.drawn()
    browser.screenshot(folder / f"{look.name}-first.png", whole_page=False)
    browser.screenshot(folder / f"{look.name}.png")
    if look.media == "print":
        browser.printed(folder / "print.pdf")
    yield from (f"{look.name}: {text}" for text in (*browser.complaints, *browser.requests))
    if browser.evaluate("document.documentElement.scrollWidth") > look.width:
        yield f"{look.name}: wider than {look.width} pixels"
    if axe:
        browser.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        browser.evaluate(f"{axe};1")
        yield from (f"{look.name}: axe: {text}" for text in browser.evaluate(_AXE))


if __name__ == "__main__":
    sys.exit(main())
