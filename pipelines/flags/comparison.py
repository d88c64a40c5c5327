"""The flags that say what is compared, and by which limits."""

from __future__ import annotations

import argparse

from trueserve.pipelines.flags.flag import (
    check_distance,
    check_local_file,
    flag,
    parse_names,
    parse_some_names,
)
from trueserve.transforms.core.errors import UsageError

SPACE_NAMES = ("raw", "transformed")


def parse_spaces(text: str) -> tuple[str, ...]:
    """A comma-separated choice of `SPACE_NAMES`, in their own order.

    Raises:
      ArgumentTypeError: a name is no space, or there is none.
    """
    names = parse_names(text)
    unknown = [name for name in names if name not in SPACE_NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"expected one or both of {','.join(SPACE_NAMES)}, got {text!r}")
    return tuple(space for space in SPACE_NAMES if space in names)


BASELINE = flag("--baseline", metavar="DIR", help="baseline, as written by `trueserve prepare`")
THRESHOLDS = flag(
    "--thresholds",
    check=check_local_file,
    metavar="FILE",
    help="limits and severities by feature; default: the baseline's thresholds.toml, if it has one",
)
GROUP_BY = flag(
    "--group_by",
    metavar="FEATURE",
    help="rows with the same value of this feature belong together, such as a user or session id, and are no"
    " independent evidence; default: the feature of prepare --group_by, if any",
)
ONLY = flag(
    "--only",
    type=parse_some_names,
    default=(),
    metavar="FEATURE,...",
    help="compare only these features and those computed from them",
)
IGNORE = flag(
    "--ignore",
    type=parse_names,
    default=(),
    metavar="FEATURE,...",
    help="report findings of these features, but never fail on them",
)
SPACES = flag(
    "--spaces",
    type=parse_spaces,
    default=SPACE_NAMES,
    metavar="SPACE,...",
    help="features to compare: raw, transformed or both; default: raw,transformed",
)
JSD = flag(
    "--jsd",
    type=float,
    check=check_distance,
    metavar="D",
    help="limit of the Jensen-Shannon divergence, if the schema sets none; default 0.1",
)
LINF = flag(
    "--linf",
    type=float,
    check=check_distance,
    metavar="D",
    help="limit of the L-infinity distance, if the schema sets none; default 0.1",
)


def check_selection(only: tuple[str, ...], ignore: tuple[str, ...]) -> None:
    """Raises UsageError for a feature that both `--only` and `--ignore` name."""
    if both := sorted({*only} & {*ignore}):
        raise UsageError(f"--only and --ignore both name {', '.join(both)}; name it in one of them")
