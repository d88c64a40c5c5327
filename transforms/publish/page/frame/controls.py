"""The page's controls: search, filters, sorting. The script shows them; without it they would do nothing."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from trueserve.transforms.publish.page.escaping import NOTHING, joined, text

SORTS = (("", "worst first, by incident"), ("r", "effect against limit"), ("m", "change of missing"))
_SEVERITIES = (("any", "with findings"), ("error", "errors"), ("warning", "warnings"), ("info", "infos"))
_BAR = Markup(
    '<div class="bar" id="bar" role="search" aria-label="Features and findings" hidden>'
    '<label>Search <input id="query" type="search" autocomplete="off" spellcheck="false"'
    ' placeholder="name or text ( / )"></label>{}<output id="count"></output></div>'
)
_SELECT = Markup('<label>{} <select id="{}">{}</select></label>')
_OPTION = Markup('<option value="{}">{}</option>')


def controls(spaces: Iterable[str], kinds: Iterable[str], features: int) -> Markup:
    """The bar above findings and cards; empty where there are no features to choose from."""
    if features < 2:
        return NOTHING
    sorts = [*SORTS, ("u", "unseen values"), ("name", "name")]
    selects = (
        ("Space", "space", [("", "all"), *((space, space) for space in spaces)]),
        ("Severity", "severity", [("", "all"), *_SEVERITIES, ("none", "without findings")]),
        ("Kind", "kind", [("", "all"), *((kind, kind) for kind in kinds)]),
        ("Sort", "sort", sorts),
    )
    return _BAR.format(joined(_select(*select) for select in selects))


def _select(label: str, identity: str, options: Iterable[tuple[str, str]]) -> Markup:
    items = joined(_OPTION.format(text(value), text(shown)) for value, shown in options)
    return _SELECT.format(label, identity, items)
