"""Pictures of detection.json, drawn in the peers' venv: `detection_pictures.py FIGURES FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_COLOURS = {
    "trueserve": "#0b6e4f",
    "TFDV": "#c8553d",
    "Evidently": "#8e6bbf",
    "KS and chi-squared": "#3a7ca5",
}
_GREY = "#555555"
_MARKS = (
    "Lines: thresholds moved. Circles: thresholds that they come with, or are documented."
    " Diamond: trueserve on plain TFDV statistics."
)
_KINDS = {
    "mean": "mean moved by, in deviations",
    "share": "values moved to another",
    "missing": "more of the rows missing",
    "faults": "rows with a unit, default, ...",
}


def main(figures: Path, folder: Path) -> None:
    """Writes detection-curves.png and detection-strength.png."""
    import matplotlib as mpl  # type: ignore[import-not-found]

    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    sizes = json.loads(figures.read_text(encoding="utf-8"))["sizes"]
    if sizes:
        _save(_curves(sizes), folder / "detection-curves.png")
        _save(_strengths(sizes), folder / "detection-strength.png")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _panels(rows: int, columns: int, height: float) -> Any:
    from matplotlib import pyplot

    return pyplot.subplots(
        rows, columns, figsize=(10, height), sharey=True, squeeze=False, layout="constrained"
    )


def _curves(sizes: dict[str, Any]) -> Any:
    """For each size, what is found against how many windows without a fault raise an alarm."""
    figure, axes = _panels(1, len(sizes), 4.2)
    for axis, (rows, figures) in zip(axes[0], sizes.items(), strict=True):
        for name, curve in figures["curves"].items():
            x, y = zip(*curve, strict=True)
            axis.plot(x, y, color=_COLOURS[name], lw=2 if name == "trueserve" else 1.4, label=name)
        for name, (x, y) in figures["points"].items():
            first = name.split(",")[0].split(" at ")[0]
            plain = "baseline" in name
            axis.plot(x, y, "D" if plain else "o", color=_COLOURS[first], ms=6, mfc="white", clip_on=False)
        axis.set(title=f"{int(rows):,} rows", ylim=(0, 1.02))
        axis.set_xlabel("windows without a fault that raise an alarm")
        _roots(axis)
    axes[0][0].set_ylabel("faults of 5 % or more found")
    _legend(figure, axes[0][0])
    figure.suptitle(_MARKS, color=_GREY, fontsize=9)
    return figure


def _strengths(sizes: dict[str, Any]) -> Any:
    """For each size and kind of fault, what is found at each strength, at the same false alarms."""
    figure, axes = _panels(len(sizes), len(_KINDS), 2.5 * len(sizes) + 0.6)
    for row, (rows, figures) in zip(axes, sizes.items(), strict=True):
        for axis, (kind, label) in zip(row, _KINDS.items(), strict=True):
            _ladders(axis, figures["ladders"], kind)
            axis.set_title(f"{int(rows):,} rows", fontsize=9)
            axis.set_xlabel(label if rows == list(sizes)[-1] else "")
        row[0].set_ylabel("found")
    _legend(figure, axes[0][0])
    return figure


def _ladders(axis: Any, ladders: dict[str, Any], kind: str) -> None:
    strengths: list[float] = []
    for name, kinds in ladders.items():
        strengths, shares = map(list, zip(*kinds.get(kind, [(0.0, 0.0)]), strict=True))
        width = 2 if name == "trueserve" else 1.4
        axis.plot(range(len(shares)), shares, "o-", ms=4, lw=width, color=_COLOURS[name], label=name)
    labels = [f"{value:g}" if kind == "mean" else f"{value:.0%}" for value in strengths]
    axis.set_xticks(range(len(labels)), labels)
    axis.set(ylim=(-0.03, 1.05), xlim=(-0.3, len(labels) - 0.7))
    axis.yaxis.set_major_formatter("{x:.0%}")
    axis.grid(axis="y", color="#e5e5e5", lw=0.7)


def _roots(axis: Any) -> None:
    """False alarms by their root: what matters are the few."""
    axis.set_xscale("function", functions=(_root, lambda x: x**2))
    axis.set(xlim=(0, 1), xticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.yaxis.set_major_formatter("{x:.0%}")
    axis.grid(color="#e5e5e5", lw=0.7)


def _root(x: Any) -> Any:
    import numpy as np

    return np.sqrt(np.maximum(x, 0))


def _legend(figure: Any, axis: Any) -> None:
    handles, names = axis.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
