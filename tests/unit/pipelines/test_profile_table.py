"""The lines of `--profile`."""

from __future__ import annotations

from trueserve.pipelines.display import profile_table
from trueserve.transforms.profile import Moved


def test_a_line_tells_the_bytes_of_a_kind() -> None:
    lines = list(profile_table.lines_of([Moved("raw", 1, 3000, 3000), Moved("versions", 3, 900, 400)]))
    assert lines == [
        "profile: raw: 1 partial result, 3.0 kB; the largest 3.0 kB",
        "profile: versions: 3 partial results, 900 B; the largest 400 B",
    ]


def test_a_runner_without_metrics_is_said_to_have_none() -> None:
    [line] = profile_table.lines_of([])
    assert "this runner has no metrics" in line
