"""HTML that is escaped by default: markup comes from literals of this folder, all else is escaped.

Every part of a page is `Markup`, made by `Markup("...").format(...)` or `joined`. Both escape a plain `str`,
so that a forgotten `text` shows a stranger's tags as text. `text` also shortens, and spells out characters
that act or hide.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from transforms.publish import formatting

NOTHING = Markup("")


def text(value: object, limit: int = 120) -> Markup:
    """Anything as HTML text: made visible, shortened, escaped."""
    return escape(formatting.visible(str(value), limit))


def name(feature: str, limit: int = 120) -> Markup:
    """A feature's name as HTML text."""
    return escape(formatting.name(feature, limit))


def joined(parts: Iterable[str]) -> Markup:
    """The parts one after the other; a plain `str` among them is escaped."""
    return NOTHING.join(parts)


def fitting(parts: Iterable[str], budget: int) -> list[Markup]:
    """The first parts, escaped unless they are markup, as many as fit into `budget` bytes."""
    taken: list[Markup] = []
    for part in map(escape, parts):
        budget -= len(part.encode("utf-8", "replace"))
        if budget < 0:
            break
        taken.append(part)
    return taken
