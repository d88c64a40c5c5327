"""What `export` refuses of its flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.core.errors import UsageError


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    """Keras 2 saves a SavedModel by default."""
    with pytest.raises(UsageError, match=r"--model: .* is a folder; expected a \.keras file\."):
        ExportOptions(baseline="b", model=str(tmp_path), output="o")
    with pytest.raises(UsageError, match="--model: there is no file "):
        ExportOptions(baseline="b", model=str(tmp_path / "model.keras"), output="o")


@pytest.mark.parametrize("name", ["label_output", "positive"])
def test_flags_of_labels_need_examples_that_have_them(name: str) -> None:
    flags: dict[str, Any] = {name: "late"}
    with pytest.raises(UsageError, match=f"^--{name} needs --evaluation=GLOB"):
        ExportOptions("b", __file__, "o", **flags)
    assert getattr(ExportOptions("b", __file__, "o", evaluation="rows-*", **flags), name) == "late"
