"""What Beam's --setup_file needs: `python setup.py sdist` makes the package that a worker installs.

The metadata stands in pyproject.toml. Here are the dependencies alone. Whoever installs the package beside
others gets ranges. A source package that is made where the dependencies are installed carries these very
versions: a worker must have its launcher's.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # a build backend runs this file from elsewhere

from constraints.choose import STACKS, Stack, pins, ranges  # noqa: E402

SETTLED = Path("constraints") / "SETTLED"
# What is asked of a dependency beyond its pin.
EXTRAS = {"apache-beam": "[dill,gcp]"}


def settled() -> list[str]:
    """The pins that this package carries, or that the one made now is to carry; none where ranges do."""
    if (ROOT / SETTLED).is_file():
        return (ROOT / SETTLED).read_text(encoding="utf-8").split("\n")[:-1]
    if "sdist" not in sys.argv:
        return []
    if name := os.environ.get("TRUESERVE_STACK"):
        return [_with_extras(pin) for pin in pins(_named(name), ["runtime"])]
    return [_with_extras(pin) for pin in _installed()]


def _named(name: str) -> Stack:
    for each in STACKS:
        if each.name == name:
            return each
    raise SystemExit(f"trueserve: no stack {name!r}, only {', '.join(each.name for each in STACKS)}")


def _installed() -> list[str]:
    """Of what a stack holds, the versions that are here; none where TFDV is not."""
    names = sorted({pin.partition("==")[0] for stack in STACKS for pin in pins(stack, ["runtime"])})
    if _version("tensorflow-data-validation") is None:
        return []
    return [f"{name}=={_version(name)}" for name in names if _version(name)]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _with_extras(pin: str) -> str:
    name, equals, rest = pin.partition("==")
    return f"{name}{EXTRAS.get(name, '')}{equals}{rest}"


class SettledSdist(sdist):
    """Writes the pins into the package, so that it means the same wherever it is installed."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        if PINS:
            (Path(base_dir) / SETTLED).write_text("".join(f"{pin}\n" for pin in PINS), encoding="utf-8")


PINS = settled()

setup(
    packages=[
        "trueserve",
        *(f"trueserve.{name}" for name in find_packages(include=["pipelines*", "transforms*"])),
    ],
    # The folders are at the top, the names are not: a user may have a `transforms` or `pipelines` of his own.
    package_dir={"trueserve.pipelines": "pipelines", "trueserve.transforms": "transforms"},
    package_data={
        "trueserve": ["py.typed"],
        "trueserve.transforms": ["**/*.html", "**/*.css", "**/*.js", "**/*.svg"],
    },
    install_requires=PINS or ranges("runtime"),
    extras_require={name: ranges(name) for name in ("demo", "aws", "dask")},
    cmdclass={"sdist": SettledSdist},
)
