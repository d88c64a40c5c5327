"""The commands of `trueserve`: every flag of each, declared once. Imports nothing heavy."""

from __future__ import annotations

from trueserve.pipelines.flags import backtest, check, export, join, prepare, validate, warm_up
from trueserve.pipelines.flags.nightly import backfill, config, gate, init, prune, run
from trueserve.pipelines.flags.published import alerts, explain, history

EXIT_CODES_HELP = """exit codes:
  0  no skew (validate, run, backfill, gate), no difference (check, join), or done
     (prepare, adopt, export, backtest, explain, history, alerts, warm_up, prune,
     init, config)
  1  skew (validate, run, backfill, gate), a difference (check, join, adopt
     --model), or something that had to be compiled (warm_up --check)
  2  wrong usage or configuration; nothing was published
  3  the input or the job failed; `validate` publishes `failed` beside the last
     verdict
  4  nothing, or too little, was examined: an incomplete window, too (run, backfill,
     gate)
"""

COMMANDS = {
    command.name: command
    for command in (
        prepare.COMMAND,
        prepare.ADOPT,
        export.COMMAND,
        check.COMMAND,
        validate.COMMAND,
        backtest.COMMAND,
        join.COMMAND,
        explain.COMMAND,
        history.COMMAND,
        alerts.COMMAND,
        warm_up.COMMAND,
        run.COMMAND,
        backfill.COMMAND,
        gate.COMMAND,
        prune.COMMAND,
        init.COMMAND,
        config.COMMAND,
    )
}


def _without_heading(examples: str) -> str:
    return examples.partition("\n")[2]


OVERVIEW = f"""Is what we serve true to what we trained?

  trueserve prepare    training examples to baseline: schema, statistics,
                       transform graph, probes and contract
  trueserve adopt      schema, statistics and transform graph that TFX, TFDV and
                       tf.Transform wrote to baseline
  trueserve export     baseline and Keras model to a SavedModel with the transform
                       graph inside, proven on the probes
  trueserve check      baseline and SavedModel: a gate before it is served
  trueserve validate   baseline and logged requests to verdict.json and report.html
  trueserve backtest   baseline and past requests to thresholds: what would have
                       fired, and which limits keep to a budget of false alarms
  trueserve join       training examples and logged requests with the same key,
                       compared feature by feature
  trueserve explain    one incident of a verdict with all its evidence
  trueserve history    all windows of an output folder as one long table: text, CSV,
                       JSON or Parquet
  trueserve alerts     what follows from verdicts, to people and pagers
  trueserve warm_up    compiles what the first run would compile, for an image

  trueserve init       writes the file of a model, in which all its jobs are
  trueserve config     checks such a file as a whole
  trueserve run        one window of a model, every night: yesterday's
  trueserve backfill   all windows of a span that have no verdict yet
  trueserve gate       the exit code of a verdict that was published
  trueserve prune      deletes windows that are older than they need to be

examples:
{_without_heading(prepare.EXAMPLE)}{_without_heading(export.EXAMPLE)}{_without_heading(validate.EXAMPLE)}
{EXIT_CODES_HELP}
`trueserve COMMAND --help` shows the flags of one command.
"""
