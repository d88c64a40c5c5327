"""`thresholds.toml` as backtest writes it says which features are vectors, whatever their names are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.backtesting import thresholds_file
from trueserve.transforms.verdict.thresholds import Thresholds, parse

NAMES = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.one_of(st.none(), st.frozensets(NAMES)), st.booleans())
def test_vectors_that_are_written_are_read(vectors: frozenset[str] | None, has_defaults: bool) -> None:
    written = Thresholds(defaults={"positions": 0.02} if has_defaults else {}, vectors=vectors)
    assert parse(thresholds_file.render(written, [], {}), "thresholds.toml") == written
