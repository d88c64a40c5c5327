"""The page's part about how well the model does, as far as that can be estimated without labels."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from trueserve.transforms.publish import formatting, performance_text
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, joined, text
from trueserve.transforms.publish.page.tables import Json

_HEAD = Markup(
    '<tr><th>Metric</th><th class="num">estimate (95 %)</th><th class="num">at export</th>'
    '<th class="num">worse by</th></tr>'
)


def section(verdict: Json) -> Markup:
    """The estimated metrics, or why there are none; empty where no predictions were compared."""
    performance = verdict.get("performance")
    if performance is None:
        return NOTHING
    title = Markup("<h2>Performance<small>estimated without labels</small></h2>")
    if not performance["metrics"]:
        return title + _sentence(f"Not estimated: {performance['why']}.")
    table = Markup("<table>{}{}</table>").format(_HEAD, joined(map(_row, performance["metrics"].items())))
    return joined(
        (
            title,
            page_tables.scrolling("Estimated performance", table, "card scroll gap"),
            _sentence(_about(performance)),
            _sentence(f"It cannot see: {'; '.join(performance['cannot_see'])}."),
        )
    )


def _row(metric: tuple[str, Mapping[str, float | None]]) -> Markup:
    key, value = metric
    return Markup(
        '<tr><td><b>{}</b></td><td class="num">{}</td><td class="num">{}</td><td class="num">{}</td></tr>'
    ).format(
        text(performance_text.name(key)),
        performance_text.estimate(value),
        performance_text.number(value["at_export"]),
        _harm(value["harm"]),
    )


def _harm(value: float | None) -> str:
    """How much worse; what is better is no harm."""
    return "not known" if value is None else "–" if value <= 0 else performance_text.number(value)


def _about(performance: Json) -> str:
    rows = formatting.counted(performance["rows"], "row")
    evaluation = formatting.counted(performance["evaluation_rows"], "evaluation row")
    return f"Of {rows} with a prediction ({performance['output']}), by {evaluation} with a label."


def _sentence(sentence: str) -> Markup:
    return Markup('<p class="soft">{}</p>').format(text(sentence, 600))
