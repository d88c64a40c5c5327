"""The flags about models: which answers are compared, and what a model may do."""

from __future__ import annotations

from collections.abc import Collection

from trueserve.pipelines.flags.flag import check_fraction, check_not_negative, flag, parse_names
from trueserve.transforms.core.errors import UsageError

ALLOW_OPS = flag(
    "--allow_ops",
    type=parse_names,
    default=(),
    metavar="NAME,...",
    help="accept a model with these ops, though they reach files, the network or Python"
    " (see docs/security.md)",
)
REPLAY = flag(
    "--replay", metavar="MODEL_DIR", help="SavedModel whose answers are compared with the logged answers"
)
# How far apart two answers may lie, as in `transforms.replay.compare.Tolerance`, and in which share of rows
# they may lie further.
REPLAY_ATOL = flag(
    "--replay_atol",
    type=float,
    default=1e-6,
    check=check_not_negative,
    metavar="D",
    help="absolute tolerance of an answer; default %(default)s",
)
REPLAY_RTOL = flag(
    "--replay_rtol",
    type=float,
    default=1e-5,
    check=check_not_negative,
    metavar="FRACTION",
    help="relative tolerance of an answer; default %(default)s",
)
REPLAY_SHARE = flag(
    "--replay_share",
    type=float,
    default=0.001,
    check=check_fraction,
    metavar="FRACTION",
    help="share of rows whose answers may differ; default %(default)s",
)
CONTRACTS = flag(
    "--contracts",
    metavar="DIR",
    help="contracts of the served versions, one folder each (see docs/replay.md)",
)
PREDICTIONS = flag(
    "--predictions",
    metavar="MODEL_DIR",
    help="exported model: compare logged answers with the predictions that `export` recorded;"
    " default: the model of --replay, if it has them",
)
TOLERANCES = (REPLAY_ATOL, REPLAY_RTOL, REPLAY_SHARE)


def check_model(folder: str, allow_ops: Collection[str], flag_name: str = "--replay") -> None:
    """Looks at a model that workers will ask, on any file system, without loading it.

    Raises UsageError: it is none that can be asked, or it touches more than itself by ops that are not
    among `allow_ops`. Workers run it as it is.
    """
    from trueserve.transforms.replay import reference_model
    from trueserve.transforms.serving.lint import gate

    reference_model.check(folder, flag_name)
    if refusals := gate.refusals(folder, allow_ops):
        more = f" (and {len(refusals) - 1:,} more: see trueserve check)" if len(refusals) > 1 else ""
        raise UsageError(f"{flag_name}: {folder}: {refusals[0].node}: {refusals[0].message}{more}")
