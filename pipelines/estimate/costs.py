"""What reading costs, as it was measured on one machine: the only source of the estimates of `--dry_run`.

The figures are of benchmarks/RESULTS.md (2 cores of an AMD EPYC, the stack tfdv-1.16), and of docs/speed.md,
"Estimates before a run". Other machines, long lists and long texts cost something else: expect a factor of
three.
No figure was taken on Dataflow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from trueserve.transforms.logs.formats.format_names import Format

#: CPU seconds until a process has imported all that it needs: "the imports of trueserve validate", and those
#: of the transform graph. Raw features alone take 2.1.
IMPORT_SECONDS = 3.9
#: CPU seconds more on a machine where nothing is compiled yet: "the first start, which compiles".
COMPILE_SECONDS = 23.8

#: Memory of a process that has imported what raw features need, MB: the same run's peak.
BASE_MEGABYTES = 359.0
#: Blocks that wait and tables of values: the peak of 20 million narrow rows less the imports'.
READING_MEGABYTES = 133.0
#: One feature's summary, while rows are read: of 30,000 rows of 4,000 floats, (1,408 - 359 - 133) / 4,000.
FEATURE_MEGABYTES = 0.229
#: TensorFlow with a transform graph: the peak of 2 million flights with all branches less that of raw alone.
GRAPH_MEGABYTES = 572.0

# CPU microseconds to read a value of tf.Examples and to add it to statistics. 20 million rows of 20 features:
# 1.00 us a row. 4,000 floats a row: (33.1 - 14.8) s for 27,000 rows; so many summaries fit into no cache.
_NARROW_FEATURES, _NARROW_MICROS = 20, 0.05
_WIDE_FEATURES, _WIDE_MICROS = 4000, 0.17
#: CPU microseconds of one transformed value, statistics included: flights, (2.21 - 0.79) us for 12 features.
TRANSFORM_MICROS = 0.118
#: How much more a value costs in other formats than in tf.Examples. 20 features as JSON bodies and as CSV,
#: from 20,000 to 200,000 rows: 25.9 and 6.5 us a row, where tf.Examples took 1.4 in the same session. A table
#: may be JSON lines. Nobody has measured Parquet, which is taken for CSV.
_JSON, _COLUMNS = 18.5, 4.6
FORMAT_FACTORS: Mapping[Format, float] = {
    Format.PREDICTION_LOG: 1.73,  # one example a request: 1.76 us a row, where tf.Examples took 1.02
    Format.REST: _JSON,
    Format.AI_PLATFORM: _JSON,
    Format.VERTEX: _JSON,
    Format.SAGEMAKER: _JSON,
    Format.KSERVE: _JSON,
    Format.TABLE: _JSON,
    Format.CSV: _COLUMNS,
    Format.PARQUET: _COLUMNS,
}
#: CPU microseconds of one raw value that `prepare` analyses, transforms and writes, beside reading it twice.
#: From 200,000 to 2 million rows of 20 features: 55.9 us a row, of which 2 are reading.
ANALYSIS_MICROS = 2.7
#: What `prepare` takes beside: the peak of those 2 million rows, 1,329 MB, less what is above.
ANALYSIS_MEGABYTES = 256.0
#: CPU seconds of one MB of unknown rows: 18.3 s for the 2,700 MB of those 27,000 rows of 4,000 floats.
MEGABYTE_SECONDS = 0.007


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine type of Google's; `gigabytes` of memory as its name stands for."""

    name: str
    cpus: int
    gigabytes: float


#: The machines that are recommended, the cheapest first. The runner's own processes take `RESERVED_GIGABYTES`
#: of each, a cautious guess.
MACHINES = (
    Machine("n1-standard-2", 2, 7.5),
    Machine("n1-highmem-2", 2, 13.0),
    Machine("n1-highmem-4", 4, 26.0),
    Machine("n1-highmem-8", 8, 52.0),
    Machine("n1-highmem-16", 16, 104.0),
)
RESERVED_GIGABYTES = 1.5
#: So many CPU seconds of work a process are worth its start: a choice, no measurement.
SECONDS_A_PROCESS = 600.0
#: No more machines are recommended, however large the input is: a choice.
MOST_WORKERS = 500


def value_micros(features: int) -> float:
    """CPU microseconds of one value in rows of so many features; in between what was measured, on a line."""
    share = (features - _NARROW_FEATURES) / (_WIDE_FEATURES - _NARROW_FEATURES)
    return _NARROW_MICROS + min(max(share, 0.0), 1.0) * (_WIDE_MICROS - _NARROW_MICROS)
