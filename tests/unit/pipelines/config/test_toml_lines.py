"""The line of a key: through tables and arrays of tables, dotted and quoted keys, and strings over lines."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from trueserve.pipelines.config import toml_lines

TEXT = '''# a = 0
model = "m # no comment"
"quoted = key" = 1
note = """
inside = 1
[not.a.table]
"""
path = 'C:\\'
exclude = [
  "version=canary*", # ] = no end
  "model=test",
]

[window]
every = "P1D"
a.b = 2

[runners.dataflow]  # where
runner = "DataflowRunner"

[[alerts]]
kind = "mail"
[[alerts]]
  kind = "page"
  [alerts.more]
  x = { y = 1 }
'''


def test_each_key_has_its_line() -> None:
    assert tomllib.loads(TEXT)["alerts"][1]["more"] == {"x": {"y": 1}}
    assert toml_lines.lines_of(TEXT) == {
        ("model",): 2,
        ("quoted = key",): 3,
        ("note",): 4,
        ("path",): 8,
        ("exclude",): 9,
        ("window",): 14,
        ("window", "every"): 15,
        ("window", "a"): 16,
        ("window", "a", "b"): 16,
        ("runners", "dataflow"): 18,
        ("runners", "dataflow", "runner"): 19,
        ("alerts",): 21,
        ("alerts", 0): 21,
        ("alerts", 0, "kind"): 22,
        ("alerts", 1): 23,
        ("alerts", 1, "kind"): 24,
        ("alerts", 1, "more"): 25,
        ("alerts", 1, "more", "x"): 26,
    }


def test_a_key_without_a_line_has_that_of_its_table() -> None:
    lines = toml_lines.lines_of(TEXT)
    assert toml_lines.line_of(("alerts", 1, "more", "x", "y"), lines) == 26
    assert toml_lines.line_of(("window", "gone"), lines) == 14
    assert toml_lines.line_of(("gone",), lines) is None
    assert toml_lines.line_of((), lines) is None


@given(
    st.dictionaries(
        st.text(alphabet="ab_-", min_size=1, max_size=4),
        st.sampled_from(["1", '"x"', '"""\na = 1\n"""', "[\n1,\n2]", "'''\n[t]\n'''", '"\\"#"', "{ k = 1 }"]),
        max_size=6,
    )
)
def test_values_of_any_form_hide_no_key(values: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in values.items())
    assert {path[0] for path in toml_lines.lines_of(text)} == tomllib.loads(text).keys()
    for path, line in toml_lines.lines_of(text).items():
        assert text.splitlines()[line - 1].startswith(f"{path[0]} =")
