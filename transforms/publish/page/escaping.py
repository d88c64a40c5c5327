"""HTML that is escaped by default: markup comes from literals of this folder, all else is escaped.

Every part of a page is `Markup`, made by `Markup("...").format(...)`, a `Template` or `joined`. All escape a
plain `str`, so that a forgotten `text` shows a stranger's tags as text. `text` also shortens, and spells out
characters that act or hide.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable

from markupsafe import Markup, escape

from trueserve.transforms.publish import formatting

NOTHING = Markup("")
# Characters of a feature's name that are shown: names are told apart by their ends.
LONGEST_NAME = 250


class Template:
    """Markup with gaps for values, `%s`, `%d` and the like; for parts that a page has thousands of.

    Filled, it is what `Markup(literal) % values` is. But markupsafe wraps each value in an object that
    escapes it when asked, and copies markup, which takes three times as long.
    """

    def __init__(self, literal: str) -> None:
        self._literal = literal

    def __call__(self, *values: object) -> Markup:
        """The template with these values, escaped unless they are markup or plain numbers."""
        return _marked(self._literal % tuple(map(_escaped, values)))


def _escaped(value: object) -> object:
    kind = type(value)
    if kind is Markup or kind is int or kind is float:
        return value
    if kind is not str and isinstance(value, numbers.Real):  # numpy's, say; as what it is, whatever it shows
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    return escape(value)


def _markup(part: str) -> Markup:
    return part if type(part) is Markup else escape(part)


def _marked(html: str) -> Markup:
    """What has been escaped, as markup; without the search for `__html__` that `Markup(...)` begins with."""
    return str.__new__(Markup, html)


def text(value: object, limit: int = 120) -> Markup:
    """Anything as HTML text: made visible, its end left out if it is longer than `limit`, escaped."""
    return escape(formatting.visible(str(value), limit, formatting.cut))


def name(feature: str, limit: int = LONGEST_NAME) -> Markup:
    """A feature's name as HTML text."""
    return escape(formatting.name(feature, limit))


def joined(parts: Iterable[str]) -> Markup:
    """The parts one after the other; a plain `str` among them is escaped."""
    return _marked("".join(map(_markup, parts)))


def fitting(parts: Iterable[str], budget: int) -> list[Markup]:
    """The first parts, escaped unless they are markup, as many as fit into `budget` bytes."""
    taken: list[Markup] = []
    for part in map(_markup, parts):
        budget -= len(part.encode("utf-8", "replace"))
        if budget < 0:
            break
        taken.append(part)
    return taken
