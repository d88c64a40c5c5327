"""What `trueserve init` writes: each setting with a comment, those that are off behind a `#`."""

from __future__ import annotations

TEMPLATE = """# All jobs of one model. `trueserve config check` looks at the whole file.
# Paths are relative to this file. Every flag of `trueserve validate` may be a key here.
model = {model}
baseline = {baseline}

# %Y %m %d %j %H %M are filled in with the times of a window, in UTC.
logs = {logs}

# windows/2013-07-14T00Z_P1D/verdict.json for each window, latest.json and index.html.
output = {output}

# The format of the logs is detected; name it if you like.
# format = "prediction_log"

# What is compared beside training: "auto" is the window before, and slow drift over many.
previous = "auto"

# What fails a run: "error", "warning", "new" (errors that are new or got worse), or
# "never": then `trueserve gate` gives the exit code later.
# fail_on = "new"

# Limits by feature; without it those in the baseline's folder.
# thresholds = "thresholds.toml"
# ignore = ["session_id"]
# exclude = ["version=canary*", "model=test"]
# slice_by = ["version"]

[window]
every = {every}
timezone = {timezone}
# A window is run once its logs have had so long to come.
lateness = {lateness}
# With less than this share of the files and records of comparable windows, a window is incomplete.
# complete_share = 0.5

[retention]
# `trueserve run` deletes windows that ended longer ago.
keep = {keep}
# keep_runs = 400

# Who is told of incidents. Secrets are references: env:NAME or file:/PATH.
# [[alerts]]
# name = "team"
# type = "slack"
# url = "env:SLACK_WEBHOOK"

# [metrics]
# textfile = "/var/lib/prometheus/node-exporter/trueserve.prom"

# Where it runs: `runner = "dataflow"` above the tables, or --runner=dataflow. Without one, on this machine.
# [runners.dataflow]
# runner = "DataflowRunner"
# project = "my-project"
# region = "europe-west1"
# temp_location = "gs://my-bucket/tmp"
"""
