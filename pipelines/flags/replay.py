"""The flags of `validate` that look at answers, and at who gave them."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from pipelines.flags import options as opts
from pipelines.flags.check import add_allow_ops
from transforms.core.errors import UsageError


def add_to(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--replay", metavar="MODEL_DIR", help="a SavedModel: what it answers is compared with logged answers")
    add_allow_ops(parser)
    add(
        "--replay_atol",
        type=float,
        default=opts.DEFAULT_REPLAY_ATOL,
        metavar="D",
        help="answers that are no further apart are the same; default %(default)s",
    )
    add(
        "--replay_rtol",
        type=float,
        default=opts.DEFAULT_REPLAY_RTOL,
        metavar="FRACTION",
        help="likewise, of what the model answers; default %(default)s",
    )
    add(
        "--replay_share",
        type=float,
        default=opts.DEFAULT_REPLAY_SHARE,
        metavar="FRACTION",
        help="of rows whose answers may differ; default %(default)s",
    )
    add("--contracts", metavar="DIR", help="served versions, each with its contract; see docs/replay.md")
    add(
        "--predictions",
        metavar="MODEL_DIR",
        help="an exported model: logged answers are compared with the predictions that `export` recorded;"
        " default: the model of --replay, where it has them",
    )


def check_model(folder: str, allow_ops: Collection[str]) -> None:
    """Looks at the model to replay, on any file system, without loading it.

    Raises UsageError: it is none that can be replayed, or it touches more than itself by ops that are not
    among `allow_ops`. Workers run it as it is.
    """
    from transforms.replay import reference_model
    from transforms.serving import lint

    reference_model.check(folder)
    if found := lint.refusals(folder, allow_ops):
        more = f" (and {len(found) - 1:,} more: see trueserve check)" if len(found) > 1 else ""
        raise UsageError(f"--replay: {folder}: {found[0].node}: {found[0].message}{more}")
