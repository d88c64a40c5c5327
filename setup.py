"""What Beam's --setup_file needs: `python setup.py sdist` makes the package that a worker installs.

The metadata stands in pyproject.toml. Here are the dependencies alone: the pins of one stack, which is
settled where the package is made and written into it, so that a worker gets the launcher's versions.
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

from constraints.choose import STACKS, Stack, choose, pins, this_interpreter  # noqa: E402

SETTLED = Path("constraints") / "STACK"
# What is asked of a dependency beyond its pin.
EXTRAS = {"apache-beam": "[dill,gcp]"}


def stack() -> Stack:
    """The stack settled in this package, or named by TRUESERVE_STACK, or installed here, or that would be."""
    if (ROOT / SETTLED).is_file():
        return _named((ROOT / SETTLED).read_text(encoding="utf-8").strip())
    if named := os.environ.get("TRUESERVE_STACK"):
        return _named(named)
    try:
        installed = version("tensorflow-data-validation")
    except PackageNotFoundError:
        return choose([this_interpreter()])[1]
    return _named(f"tfdv-{'.'.join(installed.split('.')[:2])}")


def requirements(*sections: str) -> list[str]:
    """The pins of these sections, each with the extras that are asked of it."""
    return [_with_extras(pin) for pin in pins(STACK, sections)]


def _named(name: str) -> Stack:
    for each in STACKS:
        if each.name == name:
            return each
    raise SystemExit(f"trueserve: no stack {name!r}, only {', '.join(each.name for each in STACKS)}")


def _with_extras(pin: str) -> str:
    name, equals, rest = pin.partition("==")
    return f"{name}{EXTRAS.get(name, '')}{equals}{rest}"


class SettledSdist(sdist):
    """Writes the stack's name into the package, so that it means the same wherever it is installed."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / SETTLED).write_text(f"{STACK.name}\n", encoding="utf-8")


STACK = stack()

setup(
    packages=[
        "trueserve",
        *(f"trueserve.{name}" for name in find_packages(include=["pipelines*", "transforms*"])),
    ],
    # The folders are at the top, the names are not: a user may have a `transforms` or `pipelines` of his own.
    package_dir={"trueserve.pipelines": "pipelines", "trueserve.transforms": "transforms"},
    package_data={"trueserve.transforms": ["**/*.html", "**/*.css", "**/*.js", "**/*.svg"]},
    install_requires=requirements("runtime"),
    extras_require={
        "demo": requirements("demo"),
        "test": requirements("test"),
        "dev": requirements("demo", "test"),
        "aws": requirements("aws"),
        "dask": requirements("dask"),
    },
    cmdclass={"sdist": SettledSdist},
)
