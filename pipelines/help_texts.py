"""The words of `--help`."""

EXIT_CODES = """exit codes:
  0  no skew (validate), or done (prepare, export)
  1  skew
  2  wrong usage or configuration; nothing was published
  3  the input or the job failed; `validate` publishes `failed` beside the last verdict
  4  nothing, or too little, was examined
"""

PREPARE = """example:
  trueserve prepare --examples='train/*.tfrecord.gz' \\
      --preprocessing=preprocessing.py --label=late --baseline=baseline
"""

EXPORT = """example:
  trueserve export --baseline=baseline --model=model.keras --output=served
"""

VALIDATE = """examples:
  trueserve validate --baseline=baseline --logs='logs/*' --output=skew \\
      --start=2013-07-01 --end=2013-08-01
  trueserve validate --schema=schema.pbtxt --statistics=stats.binpb \\
      --logs='logs/*.gz' --output=skew
"""

BEAM_NOTE = """Any other flag goes to Apache Beam, such as --runner=DataflowRunner --project=...
--temp_location=gs://... Without --runner the job runs on this machine, in this process;
--direct_running_mode=multi_processing --direct_num_workers=0 takes a process a core.

"""

OVERVIEW = f"""Is what we serve true to what we trained?

  trueserve prepare    training examples to baseline: schema, statistics,
                       transform graph, probes and contract
  trueserve export     baseline and Keras model to a SavedModel with the transform
                       graph inside, proven on the probes
  trueserve validate   baseline and logged requests to verdict.json and report.html

{PREPARE}{EXPORT.removeprefix("example:" + chr(10))}{VALIDATE.removeprefix("examples:" + chr(10))}
{EXIT_CODES}
`trueserve COMMAND --help` shows the flags of one command.
"""
