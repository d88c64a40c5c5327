"""The words of `--help`."""

EXIT_CODES = """exit codes:
  0  no skew (validate), no difference (check, join), or done (prepare, export, backtest)
  1  skew (validate), or a difference (check, join)
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

VALIDATE_MORE = """  trueserve validate --baseline=baseline --output=skew --window=2013-07-14 \\
      --logs='gs://bucket/logs/%Y/%m/%d/*.gz' --exclude='version=canary*,model=test' \\
      --slice_by=version --slice_by=origin,hour

windows, in UTC, from the first moment up to the last, which is outside:
  --start=2013-07-14 --end=2013-07-16
  --window=2013-07-14              that day; 2013-07 a month, 2013-07-14T05 an hour
  --window=2013-07-14/2013-07-16   as --start and --end
  --window=2013-07-14T05/PT1H      from there for an ISO 8601 duration: PT90M, P1DT12H, P2W

--previous=auto compares with the last window published under --output, too, and looks for
what moved a little each time over the windows before; a RUN is a run's folder, its
verdict.json, an output folder, or the id of a run under --output.

Fields in --logs (%Y %m %d %j %H %M; %% is a percent sign) are filled in with the times of
the window, and the one step after it, as requests are logged later than they are made.
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
  trueserve check      baseline and SavedModel: a gate before it is served
  trueserve validate   baseline and logged requests to verdict.json and report.html
  trueserve backtest   baseline and past requests to thresholds: what would have fired,
                       and which limits keep to a budget of false alarms
  trueserve join       training examples and logged requests with the same key,
                       compared feature by feature

{PREPARE}{EXPORT.removeprefix("example:" + chr(10))}{VALIDATE.removeprefix("examples:" + chr(10))}
{EXIT_CODES}
`trueserve COMMAND --help` shows the flags of one command.
"""
