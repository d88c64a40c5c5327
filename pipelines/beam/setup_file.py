"""The package of `--setup_file`: Beam builds it where it lies, which must not be the user's checkout."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions

from trueserve.pipelines.beam import options as beam_options
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import reason

_GIT = ".git"
# The workers' image has all packages. A template's launcher gives `--setup_file` all the same.
_IN_IMAGE = "container"


def in_copy(options: PipelineOptions, folder: str) -> PipelineOptions:
    """Options whose `--setup_file`, where there is one, lies in a copy of its folder, made in `folder`.

    Raises:
      InputError: the folder cannot be copied.
    """
    setup = options.view_as(SetupOptions)
    setup_file = setup.setup_file
    if setup_file is None:
        return options
    if beam_options.is_template(options) and setup.sdk_location == _IN_IMAGE:
        return _without(options)
    source = Path(setup_file).resolve()
    target = Path(folder) / "setup" / source.parent.name
    try:
        shutil.copytree(source.parent, target, ignore=_left_out, ignore_dangling_symlinks=True)
        if (source.parent / _GIT).exists():
            (target / _GIT).symlink_to(source.parent / _GIT)  # some packages take their version from it
    except OSError as error:  # shutil's own is one, too
        raise InputError(f"--setup_file: cannot copy {source.parent}: {reason(error)}") from error
    options = copy.deepcopy(options)
    options.view_as(SetupOptions).setup_file = str(target / source.name)
    return options


def _without(options: PipelineOptions) -> PipelineOptions:
    """Workers would install at their start what their image has."""
    options = copy.deepcopy(options)
    options.view_as(SetupOptions).setup_file = None
    return options


def _left_out(folder: str, names: Sequence[str]) -> list[str]:
    """What is no source: hidden folders, compiled files, virtual environments."""
    return [
        name
        for name in names
        if name == "__pycache__"
        or (name.startswith(".") and Path(folder, name).is_dir())
        or Path(folder, name, "pyvenv.cfg").exists()
    ]
