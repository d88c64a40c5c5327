"""What an adopted baseline lacks, by what there was."""

from __future__ import annotations

from support import hand_made

from trueserve.transforms.baseline.adoption import lacks
from trueserve.transforms.core.custom_stats import POINTS

WITHOUT_EXAMPLES = {"training_rows", "sample", "identifiers", "variation", "transformed_examples"}


def parts(feature: object, *, examples: bool, transformed: bool) -> set[str]:
    return {*lacks.of(hand_made.statistics(10, feature), examples=examples, transformed=transformed)}


def test_what_lacks_depends_on_what_was_given() -> None:
    word = hand_made.category("x", {"a": 1})
    assert parts(word, examples=True, transformed=False) == set()
    assert parts(word, examples=False, transformed=True) == WITHOUT_EXAMPLES
    lacking = parts(word, examples=False, transformed=False)
    assert lacking == {*WITHOUT_EXAMPLES, lacks.TRANSFORMED_STATISTICS}


def test_distributions_lack_where_the_statistics_have_no_points() -> None:
    number = hand_made.number("x", 10)
    assert parts(number, examples=True, transformed=False) == {"distributions"}
    number.custom_stats.add(name=POINTS)
    assert parts(number, examples=True, transformed=False) == set()
