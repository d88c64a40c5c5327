"""Statistics of tf.SequenceExamples as TFX writes them, with the lists as features."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.baseline.feature_lists import with_feature_lists

Statistics = statistics_pb2.DatasetFeatureStatisticsList

GIVEN = """
datasets { num_examples: 10
  features { path { step: "user" } num_stats { common_stats { num_non_missing: 10 } } }
  features { path { step: "w" } num_stats { common_stats { num_non_missing: 9 } } }
  features { path { step: "##SEQUENCE##" } type: STRUCT struct_stats { } }
  features { path { step: "##SEQUENCE##" step: "w" } type: FLOAT num_stats { common_stats {
    num_non_missing: 10 min_num_values: 1 max_num_values: 4 tot_num_values: 40 avg_num_values: 2
    num_values_histogram { buckets { low_value: 1 high_value: 4 sample_count: 10 } }
    presence_and_valency_stats { num_non_missing: 10 min_num_values: 1 max_num_values: 4 tot_num_values: 20 }
    presence_and_valency_stats { num_non_missing: 20 min_num_values: 2 max_num_values: 2 tot_num_values: 40 }
  } } }
  features { path { step: "##SEQUENCE##" step: "uneven" } type: STRING string_stats { common_stats {
    num_non_missing: 8 max_num_values: 3 tot_num_values: 20 avg_num_values: 1
    num_values_histogram { buckets { high_value: 3 sample_count: 8 } }
    presence_and_valency_stats { num_non_missing: 8 max_num_values: 3 tot_num_values: 8 }
    presence_and_valency_stats { num_non_missing: 8 min_num_values: 1 max_num_values: 5 tot_num_values: 20 }
  } } }
}
"""
FLAT = """
datasets { num_examples: 10
  features { path { step: "user" } num_stats { common_stats { num_non_missing: 10 } } }
  features { path { step: "w" } type: FLOAT num_stats { common_stats {
    num_non_missing: 10 min_num_values: 2 max_num_values: 8 tot_num_values: 40 avg_num_values: 4
    num_values_histogram { buckets { low_value: 2 high_value: 8 sample_count: 10 } }
  } } }
  features { path { step: "uneven" } type: STRING string_stats { common_stats {
    num_non_missing: 8 max_num_values: 15 tot_num_values: 20 avg_num_values: 2.5
  } } }
}
"""


def test_lists_are_features_of_all_steps_values() -> None:
    given = text_format.Parse(GIVEN, Statistics())
    before = given.SerializeToString(deterministic=True)
    flat = with_feature_lists(given)
    assert str(flat) == str(text_format.Parse(FLAT, Statistics()))
    assert given.SerializeToString(deterministic=True) == before
    assert with_feature_lists(flat) is flat


def test_other_structs_are_left_as_they_are() -> None:
    text = GIVEN.replace("##SEQUENCE##", "parent")
    given = text_format.Parse(text, Statistics())
    assert with_feature_lists(given) is given
