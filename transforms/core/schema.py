"""What a TFDV schema says, and what is added to it: environments and skew comparators.

Every function leaves the schema that it is given untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.errors import UsageError

TRAINING = "TRAINING"
SERVING = "SERVING"
#: The limit of a distance, 0 to 1, where nobody has set another.
USUAL_DISTANCE = 0.1

#: The feature in which TFX's schemas and statistics have the feature lists of tf.SequenceExamples.
SEQUENCE = "##SEQUENCE##"

# Tags the features whose skew comparator is our default, so that a threshold which the user has set, or
# changed since, can be told from it.
_DEFAULT_TAG = "trueserve:default_threshold="

_UNUSED_STAGES = frozenset(
    {
        schema_pb2.DEPRECATED,
        schema_pb2.DISABLED,
        schema_pb2.PLANNED,
        schema_pb2.ALPHA,
        schema_pb2.DEBUG_ONLY,
        schema_pb2.VALIDATION_DERIVED,
    }
)


def infer_schema(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    label: str | None,
    *,
    jsd: float | None,
    linf: float | None,
) -> schema_pb2.Schema:
    """TFDV's inferred schema with both environments and default skew comparators.

    No shape is inferred: a feature that was never missing in training may be so in serving, and a fixed
    shape would make every such request impossible to transform. TFDV's `presence` still reports it.

    Raises UsageError when `label` is no feature of the data.
    """
    import tensorflow_data_validation as tfdv

    schema: schema_pb2.Schema = tfdv.infer_schema(statistics, infer_feature_shape=False)
    return with_comparators(with_environments(schema, label), jsd=jsd, linf=linf)


def with_environments(schema: schema_pb2.Schema, label: str | None) -> schema_pb2.Schema:
    """A copy whose features are all in TRAINING and SERVING, but for the label, which SERVING lacks.

    What the schema already says of environments stays as it is. Raises UsageError for an unknown label.
    """
    result = _copy(schema)
    for environment in (TRAINING, SERVING):
        if environment not in result.default_environment:
            result.default_environment.append(environment)
    if label is not None:
        check_label(result, label)
        _leave_out_of_serving(result, {label})
    return result


def not_in_serving(schema: schema_pb2.Schema, names: Iterable[str]) -> schema_pb2.Schema:
    """A copy with both environments, of which SERVING lacks these features."""
    result = with_environments(schema, None)
    _leave_out_of_serving(result, {*names})
    return result


def with_feature_lists(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    """A copy whose feature lists of tf.SequenceExamples are features, as TFX has them in a struct.

    Each is one list of the values of all steps (see `columnar.examples.sequences`): how many values a step
    has is no longer said, and a list without steps is a missing value. A feature of the context that has the
    name of a list gives way to it.
    """
    result = _copy(schema)
    leaves = [leaf for f in schema.feature if f.name == SEQUENCE for leaf in f.struct_domain.feature]
    if not leaves:
        return result
    names = {SEQUENCE, *(leaf.name for leaf in leaves)}
    del result.feature[:]
    result.feature.extend(feature for feature in schema.feature if feature.name not in names)
    result.feature.extend(map(_of_all_steps, leaves))
    for group in result.tensor_representation_group.values():
        for name, tensor in list(group.tensor_representation.items()):
            if SEQUENCE in tensor.ragged_tensor.feature_path.step:
                del group.tensor_representation[name]
    return result


def _of_all_steps(leaf: schema_pb2.Feature) -> schema_pb2.Feature:
    result = schema_pb2.Feature()
    result.CopyFrom(leaf)
    least = leaf.value_counts.value_count[0].min if leaf.value_counts.value_count else leaf.value_count.min
    for field in ("value_count", "value_counts", "shape"):
        result.ClearField(field)
    if not least:
        result.ClearField("presence")
    return result


def with_comparators(
    schema: schema_pb2.Schema, *, jsd: float | None, linf: float | None
) -> schema_pb2.Schema:
    """A copy in which every feature of SERVING that has no skew comparator gets one.

    Jensen-Shannon divergence for numbers, with threshold `jsd`; the L-infinity norm for categories, with
    threshold `linf` (TFDV reports 0.0 for the L-infinity norm of a plain number, so it never stands there).
    None is `USUAL_DISTANCE`. The feature's annotation says that the comparator is a default, see
    `has_own_comparator`.
    """
    result = _copy(schema)
    for feature in result.feature:
        if in_serving(feature, result):
            _add_comparator(feature, result, jsd, linf)
    return result


def with_default_thresholds(schema: schema_pb2.Schema, thresholds: Mapping[str, float]) -> schema_pb2.Schema:
    """A copy in which the default comparators of these features, by dotted path, have these thresholds.

    They stay defaults. A comparator that the user has set is not touched.
    """
    result = _copy(schema)
    for name, feature in _by_path(result.feature, ""):
        if name in thresholds and feature.HasField("skew_comparator") and not has_own_comparator(feature):
            feature.annotation.tag.remove(_default_tag(feature))
            _set_threshold(feature.skew_comparator, thresholds[name])
            feature.annotation.tag.append(_default_tag(feature))
    return result


def has_own_comparator(feature: schema_pb2.Feature) -> bool:
    """Whether the user has set this feature's skew comparator: it is there, and is no default of ours."""
    return feature.HasField("skew_comparator") and _default_tag(feature) not in feature.annotation.tag


def for_outputs(
    transformed: schema_pb2.Schema, raw_features_of: Mapping[str, Iterable[str]], label: str | None
) -> schema_pb2.Schema:
    """A copy of a transform graph's output schema with environments.

    Its features are named as the columns of transformed record batches are, and outputs that are computed
    from the label are not in SERVING.
    """
    result = with_environments(by_column(transformed), None)
    if label is not None:
        _leave_out_of_serving(result, {name for name, raw in raw_features_of.items() if label in raw})
    return result


def by_column(transformed: schema_pb2.Schema) -> schema_pb2.Schema:
    """A copy of tf.Transform's output schema whose features bear the names of the record batches' columns.

    They differ for ragged outputs: tf.Transform's schema calls the values of `x` `x$ragged_values`.
    """
    result = _copy(transformed)
    for feature in result.feature:
        feature.name = feature.name.removesuffix("$ragged_values")
    result.ClearField("tensor_representation_group")
    return result


def check_label(schema: schema_pb2.Schema, label: str) -> None:
    """Raises UsageError, with the names that there are, when `label` is no feature of the schema."""
    names = [feature.name for feature in schema.feature]
    if label not in names:
        raise UsageError(f"--label={label} is no feature of the data; it has: {', '.join(names) or 'none'}")


def label_of(schema: schema_pb2.Schema) -> str | None:
    """The one feature that SERVING lacks, or None when there is none or more than one."""
    left_out = [feature.name for feature in schema.feature if not in_serving(feature, schema)]
    return left_out[0] if len(left_out) == 1 else None


def in_serving(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> bool:
    """Whether requests have this feature, by TFDV's rule; a schema without environments says yes to all."""
    if not is_used(feature):
        return False
    if SERVING in feature.in_environment:
        return True
    default = SERVING in schema.default_environment or not schema.default_environment
    return default and SERVING not in feature.not_in_environment


def is_used(feature: schema_pb2.Feature) -> bool:
    """Whether TFDV and tf.Transform look at this feature at all."""
    return not feature.deprecated and feature.lifecycle_stage not in _UNUSED_STAGES


def serving_features(schema: schema_pb2.Schema) -> list[str]:
    """Names of the features that requests have, in the schema's order."""
    return [feature.name for feature in schema.feature if in_serving(feature, schema)]


def is_categorical(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> bool:
    """Whether TFDV counts this feature's values one by one, as it does not for plain numbers and images."""
    domain = feature.WhichOneof("domain_info")
    if feature.type == schema_pb2.BYTES:
        return domain != "image_domain" and not _declared_not_categorical(feature, schema)
    if feature.type == schema_pb2.INT:
        return domain in ("bool_domain", "natural_language_domain") or bool(feature.int_domain.is_categorical)
    return feature.type == schema_pb2.FLOAT and bool(feature.float_domain.is_categorical)


def _leave_out_of_serving(schema: schema_pb2.Schema, names: set[str]) -> None:
    for feature in schema.feature:
        if feature.name not in names:
            continue
        if SERVING in feature.in_environment:
            feature.in_environment.remove(SERVING)
        if SERVING not in feature.not_in_environment:
            feature.not_in_environment.append(SERVING)


def _add_comparator(
    feature: schema_pb2.Feature, schema: schema_pb2.Schema, jsd: float | None, linf: float | None
) -> None:
    if feature.type == schema_pb2.STRUCT:
        for child in _used(feature.struct_domain.feature):
            _add_comparator(child, schema, jsd, linf)
    elif feature.HasField("skew_comparator"):
        return
    elif is_categorical(feature, schema):
        feature.skew_comparator.infinity_norm.threshold = USUAL_DISTANCE if linf is None else linf
        feature.annotation.tag.append(_default_tag(feature))
    elif feature.type in (schema_pb2.INT, schema_pb2.FLOAT):
        feature.skew_comparator.jensen_shannon_divergence.threshold = USUAL_DISTANCE if jsd is None else jsd
        feature.annotation.tag.append(_default_tag(feature))


def _default_tag(feature: schema_pb2.Feature) -> str:
    """The tag that fits this comparator; one that was changed by hand no longer fits the tag it has."""
    comparator = feature.skew_comparator
    thresholds = (comparator.jensen_shannon_divergence.threshold, comparator.infinity_norm.threshold)
    return f"{_DEFAULT_TAG}{max(thresholds)!r}"


def _set_threshold(comparator: schema_pb2.FeatureComparator, threshold: float) -> None:
    for name in ("jensen_shannon_divergence", "infinity_norm"):
        if comparator.HasField(name):
            getattr(comparator, name).threshold = threshold


def _by_path(features: Iterable[schema_pb2.Feature], prefix: str) -> Iterator[tuple[str, schema_pb2.Feature]]:
    for feature in features:
        yield f"{prefix}{feature.name}", feature
        yield from _by_path(feature.struct_domain.feature, f"{prefix}{feature.name}.")


def _used(features: Iterable[schema_pb2.Feature]) -> Iterator[schema_pb2.Feature]:
    return (feature for feature in features if is_used(feature))


def _declared_not_categorical(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> bool:
    named = [domain for domain in schema.string_domain if feature.domain and domain.name == feature.domain]
    domains = [*named, feature.string_domain]
    return any(domain.is_categorical == schema_pb2.StringDomain.CATEGORICAL_NO for domain in domains)


def _copy(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    return result
