"""Features that are missing although the schema does not say that they must be there."""

from __future__ import annotations

import numpy as np
import pytest
from support.verdict import compared, finding_triples, frame, reference, served

from trueserve.transforms.verdict.compare import Reference


def _without_presence(name: str) -> Reference:
    """A schema as people write it, that asks for no presence."""
    against = reference(frame(20_000, 1))
    next(feature for feature in against.schema.feature if feature.name == name).ClearField("presence")
    return against


@pytest.mark.parametrize("name", ["stops", "rain"])
def test_an_absent_column_that_the_schema_does_not_require_is_an_error(name: str) -> None:
    comparison = compared(_without_presence(name), served().drop(columns=name))
    assert finding_triples(comparison.findings) == [(name, "presence", "error")]
    assert comparison.findings[0].metric == "missing_share_difference"
    assert comparison.findings[0].diagnosis is not None
    assert comparison.findings[0].diagnosis.cause == "missing more"
    assert (name, "absent in serving") in {(entry.feature, entry.reason) for entry in comparison.not_compared}


def test_rows_that_lack_a_feature_without_a_distance_are_counted() -> None:
    against = _without_presence("rain")
    rain = next(feature for feature in against.schema.feature if feature.name == "rain")
    rain.skew_comparator.SetInParent()
    data = served()
    data.loc[:1500, "rain"] = np.nan
    assert finding_triples(compared(against, data).findings) == [("rain", "presence", "error")]
