"""The files in the artifacts of TFX, TFDV and tf.Transform, of which a flag names the folder or the file.

A folder is taken as TFX's components write it: one execution of an artifact, with a folder for each split, or
the folder above with a single execution in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import file_systems, paths

SCHEMA_FILES = ("schema.pbtxt",)
STATISTICS_FILES = ("FeatureStats.pb", "stats_tfrecord")
#: The graph, the schema of its outputs, and that of its inputs, which plain tf.Transform need not write.
TRANSFORM_FN, TRANSFORMED_METADATA, RAW_METADATA = "transform_fn", "transformed_metadata", "metadata"

_GRAPH_FILES = (f"{TRANSFORM_FN}/saved_model.pb", f"{TRANSFORMED_METADATA}/schema.pbtxt")
_TRANSFORM_GRAPH, _POST_TRANSFORM_STATS = "transform_graph", "post_transform_stats"
_GLOB_CHARACTERS = frozenset("*?[,")
_SHOWN = 6


def schema_file(path: str) -> str:
    """The schema that SchemaGen, or whoever, wrote. Raises InputError for a folder without one."""
    if _is_file(path):
        return path
    folder, names = _execution("--schema", path)
    return paths.join(folder, _file_of("--schema", folder, names, SCHEMA_FILES))


def statistics_file(path: str, split: str, flag: str = "--statistics") -> str:
    """The statistics of a split. Raises InputError for a folder without them."""
    if _is_file(path):
        return path
    folder, names = _of_split(flag, *_execution(flag, path), split)
    return paths.join(folder, _file_of(flag, folder, names, STATISTICS_FILES))


def examples_pattern(pattern: str, split: str) -> str:
    """What names the files of a split: a glob or a file as it is, of a folder that of the split.

    Raises InputError for a folder that is empty, or has other splits.
    """
    if _GLOB_CHARACTERS & set(pattern) or _is_file(pattern):
        return pattern
    folder, names = _of_split("--examples", *_execution("--examples", pattern), split)
    if not names:
        raise InputError(f"--examples: {folder} holds no file")
    return folder


def transform_output(path: str) -> str:
    """The folder with the transform graph. Raises InputError for what is none, and says what lacks."""
    folder, names = _execution("--transform_output", path)
    if "saved_model.pb" in names:
        raise InputError(
            f"--transform_output: {folder} is the graph alone; name the folder above, which holds"
            f" {TRANSFORM_FN}/ and {TRANSFORMED_METADATA}/"
        )
    for name in _GRAPH_FILES:
        if name not in names:
            raise InputError(f"--transform_output: {folder} is no output of tf.Transform: it has no {name}")
    return folder


def post_transform_statistics(transform_graph: str) -> str | None:
    """The statistics of the transformed features that TFX's Transform wrote beside its graph, if it did.

    Of `Transform/transform_graph/7` they are in `Transform/post_transform_stats/7`; older releases wrote them
    into the graph's own folder.
    """
    folder = transform_graph.rstrip("/")
    files = [paths.join(folder, "post_transform_feature_stats", STATISTICS_FILES[0])]
    component, _, execution = folder.rpartition(f"/{_TRANSFORM_GRAPH}/")
    if component and "/" not in execution:
        files.append(paths.join(component, _POST_TRANSFORM_STATS, execution, STATISTICS_FILES[0]))
    return next((file for file in files if _is_file(file)), None)


@contextlib.contextmanager
def as_input() -> Iterator[None]:
    """Artifacts are what `adopt` reads, and no configuration: a UsageError of one becomes an InputError."""
    try:
        yield
    except UsageError as error:
        raise InputError(str(error)) from error


def _execution(flag: str, path: str) -> tuple[str, list[str]]:
    """A folder, or the only execution in it; and the visible files there."""
    names = _visible(paths.list_files(path))
    if not names:
        raise InputError(f"{flag}: {path} is no file, and no folder that holds one")
    numbers = sorted({name.partition("/")[0] for name in names}, key=len)
    if not all(number.isdecimal() for number in numbers) or any("/" not in name for name in names):
        return path, names
    if len(numbers) > 1:
        raise InputError(f"{flag}: {path} holds several executions ({_listed(numbers)}); name one of them")
    prefix = f"{numbers[0]}/"
    return paths.join(path, numbers[0]), [name.removeprefix(prefix) for name in names]


def _of_split(flag: str, folder: str, names: list[str], split: str) -> tuple[str, list[str]]:
    """The folder of a split and the files in it; the folder itself where it has no splits."""
    folders = sorted({name.partition("/")[0] for name in names if "/" in name})
    for split_folder in (f"Split-{split}", split):
        if split_folder in folders:
            below = [n.partition("/")[2] for n in names if n.startswith(f"{split_folder}/")]
            return paths.join(folder, split_folder), below
    if splits := [name.removeprefix("Split-") for name in folders if name.startswith("Split-")]:
        raise InputError(
            f"{flag}: {folder} has no split {split!r}; it has {_listed(splits)}:"
            " name one of them with --split"
        )
    return folder, names


def _file_of(flag: str, folder: str, names: Sequence[str], known: Sequence[str]) -> str:
    """The file with a known name, or the only one."""
    for name in known:
        if name in names:
            return name
    at_top = [name for name in names if "/" not in name]
    if len(at_top) == 1:
        return at_top[0]
    held = _listed(at_top) if at_top else "no file"
    raise InputError(f"{flag}: {folder} has no {' and no '.join(known)}; it holds {held}")


def _visible(names: Sequence[str]) -> list[str]:
    return [name for name in names if not any(part.startswith((".", "_")) for part in name.split("/"))]


def _is_file(path: str) -> bool:
    if file_systems.is_local(path):
        return paths.is_file(path)
    return paths.exists(path) and not paths.list_files(path)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
