"""Trips as in TFX's Chicago taxi example, and a preprocessing_fn of the same constructs."""

from __future__ import annotations

import csv
import random
from pathlib import Path

LABEL = "tips"
PLACES = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
FLOATS = ("trip_miles", "fare", "trip_seconds")
TEXTS = ("payment_type", "company")
COMPANIES = ("Blue Cabs", "Checker 5", "Lake Shore Taxi", "")

# A schema as SchemaGen infers it: no environments, and one for a column that has no value in any row.
_TYPES = {
    **dict.fromkeys(("trip_start_hour", "trip_start_day", "trip_start_month", "trip_start_timestamp"), "INT"),
    "pickup_community_area": "INT",
    **dict.fromkeys(("dropoff_community_area", "dropoff_census_tract", *PLACES, *FLOATS, LABEL), "FLOAT"),
    **dict.fromkeys((*TEXTS, "pickup_census_tract"), "BYTES"),
}
SCHEMA = "".join(
    f'feature {{ name: "{name}" type: {kind} presence {{ min_count: {int(name != "pickup_census_tract")} }}'
    f"{'' if name == 'pickup_census_tract' else ' value_count { min: 1 max: 1 }'} }}\n"
    for name, kind in _TYPES.items()
)

# The trainer stands in the same file, and its imports need not be installed.
PREPROCESSING = """
import tensorflow as tf
from tensorflow import estimator as of_older_tensorflow
import tensorflow_transform as tft
import tfx_that_is_not_installed.v1 as tfx
from tfx_that_is_not_installed.components.trainer.fn_args_utils import DataAccessor, FnArgs

AS_THEY_ARE = [
    "trip_start_hour", "trip_start_day", "trip_start_month", "pickup_census_tract", "dropoff_census_tract",
    "pickup_community_area", "dropoff_community_area",
]
BUCKETS, WORDS, UNKNOWN_WORDS = 10, 1000, 10


def output(name):
    return f"{name}_xf"


def filled(x):
    if not isinstance(x, tf.sparse.SparseTensor):
        return x
    one_each = tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(one_each, "" if x.dtype == tf.string else 0), axis=1)


def run_fn(fn_args: FnArgs, accessor: DataAccessor, more: tfx.components.FnArgs):
    of_older_tensorflow.train_and_evaluate(fn_args.model)


def preprocessing_fn(inputs):
    outputs = {output(name): filled(inputs[name]) for name in AS_THEY_ARE}
    for name in ("trip_miles", "fare", "trip_seconds"):
        outputs[output(name)] = tft.scale_to_z_score(filled(inputs[name]))
    for name in ("payment_type", "company"):
        outputs[output(name)] = tft.compute_and_apply_vocabulary(
            filled(inputs[name]), top_k=WORDS, num_oov_buckets=UNKNOWN_WORDS
        )
    for name in ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"):
        outputs[output(name)] = tft.bucketize(filled(inputs[name]), BUCKETS)
    fare, tips = filled(inputs["fare"]), filled(inputs["tips"])
    no_fare = tf.cast(tf.zeros_like(fare), tf.int64)
    generous = tf.cast(tf.greater(tips, tf.multiply(fare, tf.constant(0.2))), tf.int64)
    outputs[output("tips")] = tf.where(tf.math.is_nan(fare), no_fare, generous)
    # Beside the example's own: a look-up table of lists, and a ragged output.
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["Cash", "Credit Card"], tf.constant([0, 1], tf.int64)), 2
    )
    outputs["payment_code"] = table.lookup(filled(inputs["payment_type"]))
    names = tf.strings.split(filled(inputs["company"]))
    outputs["company_words"] = tft.compute_and_apply_vocabulary(names, num_oov_buckets=1)
    return outputs
"""


def write(path: Path, rows: int, seed: int, *, label: bool) -> Path:
    """A CSV of so many trips, the label in it or not."""
    rng = random.Random(seed)
    names = [name for name in _TYPES if label or name != LABEL]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(trip(rng) for _ in range(rows))
    return path


def trip(rng: random.Random) -> dict[str, object]:
    """A trip; what is not known of it is an empty text."""
    miles, is_known, by_card = round(rng.expovariate(1 / 3), 2), rng.random() < 0.8, rng.random() < 0.4
    fare = round(3.25 + 2 * miles, 2)
    drop_off = {
        "dropoff_latitude": round(rng.gauss(41.9, 0.05), 6),
        "dropoff_longitude": round(rng.gauss(-87.65, 0.04), 6),
        "dropoff_community_area": rng.randint(1, 77),
        "dropoff_census_tract": 17031000000 + 100 * rng.randint(1, 9) if rng.random() < 0.7 else "",
    }
    return {
        "trip_start_hour": rng.randrange(24),
        "trip_start_day": rng.randint(1, 7),
        "trip_start_month": rng.randint(1, 12),
        "trip_start_timestamp": 1_380_000_000 + 900 * rng.randrange(90_000),
        "pickup_community_area": rng.randint(1, 77),
        "pickup_latitude": round(rng.gauss(41.9, 0.05), 6),
        "pickup_longitude": round(rng.gauss(-87.65, 0.04), 6),
        "pickup_census_tract": "",
        **(drop_off if is_known else dict.fromkeys(drop_off, "")),
        "trip_miles": miles,
        "trip_seconds": int(200 * miles) if rng.random() < 0.99 else "",
        "fare": fare,
        "payment_type": "Credit Card" if by_card else "Cash" if rng.random() < 0.9 else "No Charge",
        "company": rng.choice(COMPANIES),
        "tips": round(fare * rng.choice((0.1, 0.2, 0.25, 0.3)), 2) if by_card else 0.0,
    }
