"""A feature without values is shown as such."""

from __future__ import annotations

from support.page import Parsed, make_verdict

from transforms.publish.page import page
from transforms.verdict.histograms import FeaturePicture
from transforms.verdict.model import Space


def test_feature_without_values_says_so() -> None:
    empty = FeaturePicture("f", Space.RAW, "none", (), (), (), (), 1.0, 1.0, 10, 10)
    assert "No values to draw." in Parsed(page.render(make_verdict("ok"), [empty])).text
