"""The words of `--help` that several commands share."""

EXIT_CODES = """exit codes:
  0  no skew (validate), no difference (check, join), or done (prepare, export,
     backtest)
  1  skew (validate), or a difference (check, join)
  2  wrong usage or configuration; nothing was published
  3  the input or the job failed; `validate` publishes `failed` beside the last
     verdict
  4  nothing, or too little, was examined
"""
