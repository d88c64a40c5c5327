"""The names of the files and folders in a baseline."""

from __future__ import annotations

#: Written last: without it the folder is no baseline.
CONTRACT = "contract.json"
SCHEMA = "schema.pbtxt"
STATISTICS = "stats.binpb"
TRANSFORMED_SCHEMA = "transformed_schema.pbtxt"
TRANSFORMED_STATISTICS = "transformed_stats.binpb"
AUGMENTED_STATISTICS = "augmented_stats.binpb"
VARIATION = "variation.arrow"
TRANSFORMED_EXAMPLES = "transformed_examples"
PROBES = "probes.tfrecord"
#: Training rows to be compared with slices by a feature: raw, and as the graph transforms them.
RAW_SAMPLE, TRANSFORMED_SAMPLE = "sample/raw.arrow", "sample/transformed.arrow"
#: The time of each of these rows, where they have one.
SAMPLE_TIMES = "sample/times.arrow"
TRANSFORM_OUTPUT = "transform_output"
#: The user's own limits, which they may put there; see `transforms.verdict.thresholds`.
THRESHOLDS = "thresholds.toml"
#: The name under which the next baseline keeps a schema that was edited by hand.
EDITED_SCHEMA = "schema.edited-{}.pbtxt"
