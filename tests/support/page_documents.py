"""Documents of verdicts with incidents and of earlier runs, as pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.page import make_categories, make_finding, make_numbers, make_verdict
from trueserve.transforms.publish.page import page
from trueserve.transforms.publish.page.windows import PastRun
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import FindingKind, Space

Json = dict[str, Any]

CARRIER = "carrier-3f2a9c"
FARE = "fare-77aa01"


def make_incident(identity: str, *features: tuple[str, str], **fields: Any) -> Json:
    return {
        "id": identity,
        "title": f"{identity.partition('-')[0]} is served otherwise",
        "kind": "pipeline",
        "severity": "error",
        "state": "new",
        "since": "2013-07-01T00:00:00Z",
        "features": [{"space": space, "feature": feature} for space, feature in features],
        "share": 0.25,
        "effect": 0.4,
        "least_effect": 0.025,
        "what_to_do": "Serve it as in training.",
        "harm": None,
        "acknowledged": None,
        **fields,
    }


def make_entry(feature: str, effect: float | None, space: str = "raw", **fields: Any) -> Json:
    """What a verdict of format 2 has of each feature."""
    measured = {"metric": "total_variation", "effect": effect, "least_effect": 0.025, "p_value": 0.0}
    return {
        "feature": feature,
        "space": space,
        "rows": 990,
        "missing_share": 0.0,
        "unseen_share": 0.0,
        **measured,
        **fields,
    }


def skewed_document() -> tuple[Json, list[FeaturePicture]]:
    """Two incidents of three features, a finding of none, and a feature without a finding."""
    transformed: Json = {"space": Space.TRANSFORMED, "raw_features": ("carrier",)}
    findings = [
        (make_finding("carrier", message="the case of letters differs"), CARRIER),
        (make_finding("carrier_id", message="one value replaces others", **transformed), CARRIER),
        (
            make_finding(
                "fare", "warning", message="0.25 of its rows are missing", kind=FindingKind.PRESENCE
            ),
            FARE,
        ),
        (make_finding("stops", "warning", message="stops moved"), None),
    ]
    document = make_verdict("skew", [finding for finding, _ in findings]).to_json()
    for finding, (_, incident) in zip(document["findings"], findings, strict=True):
        finding["incident"] = incident
    document["incidents"] = [
        make_incident(CARRIER, ("raw", "carrier"), ("transformed", "carrier_id"), state="ongoing"),
        make_incident(FARE, ("raw", "fare"), severity="warning"),
        make_incident("old-1", ("raw", "stops"), state="resolved"),
    ]
    pictures = [
        make_categories("carrier", ["UA", "ua"], turn=1),
        make_categories("carrier_id", ["0", "12"], Space.TRANSFORMED, turn=1),
        make_numbers("fare", shift=90),
        make_numbers("stops", shift=20),
        make_numbers("calm"),
    ]
    return document, pictures


def past_run(day: int, entries: Sequence[Json] = (), verdict: str = "ok", **fields: Any) -> PastRun:
    """A run of a day of June."""
    window = {"start": f"2013-06-{day:02}T00:00:00Z", "end": f"2013-06-{day + 1:02}T00:00:00Z"}
    document = {"format": 2, "verdict": verdict, "window": window, "counts": {"compared": 1000 + day}}
    return PastRun(
        {**document, "features": list(entries), "findings": [], "incidents": [], **fields}, f"run-{day:02}"
    )


def rendered(earlier_runs: Sequence[PastRun] = ()) -> bytes:
    document, pictures = skewed_document()
    return page.render_document(document, pictures, [], earlier_runs, 5)


def large_page(features: int, windows: int = 0) -> bytes:
    """A page of so many features, half of them computed from the others, after so many earlier windows."""
    pictures: list[FeaturePicture] = []
    for i in range(features // 2):
        labels = [f"value {j} of {i}" for j in range(13)]
        for space, prefix in ((Space.RAW, "raw"), (Space.TRANSFORMED, "made")):
            name = f"{prefix}_{i:03}"
            pictures.append(
                make_numbers(name, space, shift=i) if i % 2 else make_categories(name, labels, space)
            )
    distances = [
        make_finding(p.feature, "info", distance=0.05, space=p.space, raw_features=_origin(p))
        for p in pictures
    ]
    entries = [make_entry(p.feature, 0.011, str(p.space), missing_share=0.012) for p in pictures]
    earlier_runs = [past_run(day + 1, entries) for day in range(windows)]
    document = make_verdict("ok").to_json() | {"features": entries}
    return page.render_document(document, pictures, distances, earlier_runs, features)


def _origin(picture: FeaturePicture) -> tuple[str, ...]:
    return (picture.feature.replace("made", "raw"),) if picture.space is Space.TRANSFORMED else ()
