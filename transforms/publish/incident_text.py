"""An incident in words, from the content of verdict.json: the same on the console, the page and in alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueserve.transforms.publish import formatting

Json = Mapping[str, Any]
_LONGEST_TITLE = 300
_GONE = ("resolved", "not_compared")
_STATES = {
    "ongoing": "ongoing",
    "worse": "worse",
    "better": "better",
    "not_compared": "not compared in this window",
}


def heading(incident: Json) -> str:
    """`error, new: carrier is in lower case in all rows`."""
    severity = "resolved" if incident["state"] == "resolved" else incident["severity"]
    facts = [severity, *_state(incident), *_accepted(incident)]
    return f"{', '.join(facts)}: {formatting.visible(incident['title'], _LONGEST_TITLE)}"


def _state(incident: Json) -> list[str]:
    state = incident["state"]
    if state in ("new", "resolved"):
        return ["new"] if state == "new" else []
    first = formatting.moment(incident["since"])
    return [f"{_STATES[state]} since {first}" if first and state == "ongoing" else _STATES[state]]


def _accepted(incident: Json) -> list[str]:
    entry = incident["acknowledged"]
    if entry is None:
        return []
    if entry["is_valid"]:
        return [f"acknowledged until {entry['until']}"]
    return [f"no longer acknowledged (it was until {entry['until']})"]


def details(incident: Json) -> str:
    """`38.0 % apart (limit 2.50 %), 4 findings. Look at ...`; empty for one that is not in this window."""
    if incident["state"] in _GONE:
        return ""
    return " ".join(filter(None, (_figures(incident), harm(incident), incident["what_to_do"])))


def _figures(incident: Json) -> str:
    """How far over its limit, and what follows."""
    parts = []
    if incident["effect"] is not None and incident["least_effect"]:
        effect, limit = (formatting.percent(incident[key]) for key in ("effect", "least_effect"))
        parts.append(f"{effect} apart (limit {limit})")
    parts.append(formatting.counted(incident["findings"], "finding"))
    return f"{', '.join(parts)}."


def harm(incident: Json) -> str:
    """What it did to the predictions; empty where that was not measured."""
    measured = incident["harm"]
    return formatting.visible(str(measured["text"]), _LONGEST_TITLE) if measured else ""


def is_open(incident: Json) -> bool:
    """Whether it is in this window, or may be."""
    return bool(incident["state"] != "resolved")
