"""The flags of `validate` that look at answers, and at who gave them."""

from __future__ import annotations

import argparse

from pipelines import options as opts
from pipelines.check_options import add_allow_ops


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
