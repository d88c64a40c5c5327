"""What `validate` and `backtest` assemble alike: training side, requests, and how they are compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import feature_limits
from trueserve.pipelines.comparison import models
from trueserve.pipelines.estimate import inputs, steps
from trueserve.pipelines.estimate.workload import Step, Workload
from trueserve.pipelines.flags import reading
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms.baseline.contents import Contents
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.branches.branch import Branch
from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.predictions import Predictions
from trueserve.transforms.branches.samples import group_feature
from trueserve.transforms.branches.transform_graph import Transformed
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core import slicing
from trueserve.transforms.core.batches import Window
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.examine_table import ExamineTable
from trueserve.transforms.files import windows
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs import repeated_rows
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.logs.formats import bigquery
from trueserve.transforms.logs.repeated_rows import DroppedRows, RowRepeats
from trueserve.transforms.logs.rows.warm_ups import fingerprints
from trueserve.transforms.profile import Measured
from trueserve.transforms.publish.assemble import RunSettings
from trueserve.transforms.reference import prediction_reference, training_side
from trueserve.transforms.reference.training_side import TrainingSide
from trueserve.transforms.runs import past_runs, previous_runs, run_ids
from trueserve.transforms.serving import probe_requests
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy


@dataclasses.dataclass(frozen=True)
class ComparisonPlan:
    """All that the graph needs, found and checked before it is built.

    Attributes:
      group_by: the feature by which rows belong together; None for none.
      hashed: the features whose values say whether rows are the same.
      dropped: repeated rows that are left out; None for none.
    """

    options: ValidateOptions
    source: TrainingSide
    references: Mapping[Space, Reference]
    request_schema: schema_pb2.Schema
    transform_output: str | None
    run_settings: RunSettings
    run_id: str
    warm_ups: frozenset[int] = frozenset()
    contents: Contents | None = None
    group_by: str | None = None
    hashed: tuple[str, ...] = ()
    dropped: DroppedRows | None = None


def make_plan(options: ValidateOptions) -> ComparisonPlan:
    """Loads the training side.

    Raises:
      UsageError: it is missing, incomplete or of another format version, or has no such feature to slice or
        group by; or the model to replay, the contracts of versions, the limits or the earlier run are not
        what they must be; or --only names no feature.
    """
    baseline = load_baseline(options.baseline) if options.baseline else None
    source = dataclasses.replace(_source(options), identity=baseline.identity if baseline else None)
    references = training_side.of_baseline(baseline, options.spaces) if baseline else source.of_features()
    references += source.of_predictions(references)
    if baseline:
        training_side.check_samples(baseline, source.samples)
    policy, window = _policy(options, references, baseline), Window(options.start, options.end)
    contract = baseline.contract.to_verdict() if baseline else None
    by_space = {reference.space: reference for reference in references}
    request_schema = _request_schema(by_space.get(Space.RAW), baseline, policy)
    group_by = _group_by(options, request_schema, contract)
    hashed = _hashed(options, request_schema, contract)
    plan = ComparisonPlan(
        options=options,
        source=dataclasses.replace(source, group_by=group_by),
        references={space: dataclasses.replace(each, group_by=group_by) for space, each in by_space.items()},
        request_schema=request_schema,
        transform_output=baseline.transform_output if baseline else None,
        contents=baseline.contents if baseline else None,
        group_by=group_by,
        hashed=hashed,
        run_settings=RunSettings(
            window=window,
            policy=policy,
            contract=contract,
            optional=models.optional_checks(options),
            previous_runs=_previous_runs(options, window, contract),
            training_repeats=_training_repeats(baseline, hashed),
            past_runs=past_runs.read(options.output, window),
        ),
        run_id=run_ids.new_run_id(),
        warm_ups=_warm_ups(baseline) if baseline else frozenset(),
    )
    if options.slice_by:
        slicing.check(options.slice_by, plan.request_schema)
    return plan


def _group_by(
    options: ValidateOptions, schema: schema_pb2.Schema, contract: Mapping[str, Any] | None
) -> str | None:
    """The feature of the flag, else that of training where requests have it."""
    if options.group_by is not None:
        group_feature.check(options.group_by, schema)
        return options.group_by
    of_training = (contract or {}).get("group_by")
    return of_training if of_training in group_feature.names(schema) else None


def _hashed(
    options: ValidateOptions, schema: schema_pb2.Schema, contract: Mapping[str, Any] | None
) -> tuple[str, ...]:
    of_training = contract or {}
    names = (options.time_feature, of_training.get("time_feature"), of_training.get("label"), options.label)
    return repeated_rows.hashed_features(schema, {*names, *of_training.get("identifiers", ())})


def _training_repeats(baseline: Baseline | None, hashed: Sequence[str]) -> RowRepeats | None:
    """How often training rows have the same values; None where that is not known of these features."""
    values = baseline.contract.repeats if baseline else {}
    is_known = values.get("features") == repeated_rows.digest(hashed)
    return RowRepeats.from_json(values) if is_known else None


def _warm_ups(baseline: Baseline) -> frozenset[int]:
    return fingerprints(probe_requests.requests(baseline.probes_data, baseline.probes))


def _source(options: ValidateOptions) -> TrainingSide:
    predictions = prediction_reference.model_of(options.predictions, options.replay)
    files = (options.baseline, options.schema, options.statistics)
    by_feature = any(slicing.of_features(names) for names in options.slice_by)
    samples = options.spaces if by_feature else (Space.RAW.value,)
    return TrainingSide(*files, options.label, options.spaces, predictions=predictions, samples=samples)


def examine_requests(
    plan: ComparisonPlan, files: Sequence[FileSize], branches: Sequence[Branch], heartbeats: str | None
) -> Any:
    """Runs the branches over the log: `files`, or the table that `--logs` names."""
    settings, log_format = request_settings(plan), plan.options.format
    if plan.options.profile:
        branches = [Measured(branches)]
    if bigquery.is_table(plan.options.logs):
        return ExamineTable(plan.options.logs, log_format, settings, branches, heartbeats)
    settings = dataclasses.replace(settings, warm_ups=plan.warm_ups)
    range_bytes = plan.options.range_mib << 20
    return ExamineFiles(tuple(files), log_format, settings, branches, heartbeats, range_bytes)


def request_settings(plan: ComparisonPlan) -> Settings:
    """How requests are decoded; what no flag says, the training side does."""
    options, contract = plan.options, plan.run_settings.contract or {}
    return Settings(
        expected=expected_features(plan.request_schema, serving=True),
        window=plan.run_settings.window,
        time_feature=options.time_feature or contract.get("time_feature"),
        log_time_first=options.time_feature is None,
        keep_payloads=options.keep_payloads,
        sample=options.sample,
        version_feature=options.version_feature,
        columns=options.columns,
        text=reading.text_form(options, contract.get("missing_values", ())),
        exclude=options.exclude,
        responses=options.replay is not None or Space.PREDICTION in plan.references,
        dropped=plan.dropped,
    )


def compared_spaces(plan: ComparisonPlan, of_space: Callable[[Reference], Sequence[Branch]]) -> Branch:
    """The branches of each space, which get its rows."""
    spaces = {space: of_space(reference) for space, reference in plan.references.items()}
    branches = [*spaces.get(Space.RAW, ())]
    if Space.TRANSFORMED in spaces:
        assert plan.transform_output is not None
        branches.append(Transformed(plan.transform_output, plan.contents, spaces[Space.TRANSFORMED]))
    if Space.PREDICTION in spaces:
        outputs = prediction_reference.outputs(plan.references[Space.PREDICTION])
        branches.append(Predictions(outputs, spaces[Space.PREDICTION]))
    ignore = plan.options.ignore_sampling_rate
    return Marked(plan.options.slice_by, branches, ignore_sampling_rate=ignore, group_by=plan.group_by)


def files_of(options: ValidateOptions) -> Sequence[FileSize]:
    """The files to read; none where the log is a table."""
    if bigquery.is_table(options.logs):
        return ()
    return windows.expand(options.logs, options.start, options.end)


def features_by_space(plan: ComparisonPlan) -> dict[Space, int]:
    """How many features of each compared space are looked at; those of requests come first."""
    expected = expected_features(plan.request_schema, serving=True)
    features = {Space.RAW: len(expected.types)}
    for space, reference in plan.references.items():
        features.setdefault(space, len(schemas.serving_features(reference.schema)))
    return features


def workload(
    plan: ComparisonPlan, command: str, files: Sequence[FileSize], more: Sequence[Step], kept_bytes: int = 0
) -> Workload:
    """What a job would do that compares all spaces, and `more`.

    Raises InputError for files that cannot be opened, and for what is no log.

    Args:
      kept_bytes: what results take in each process beside the summaries of a window.
    """
    features, known = features_by_space(plan), inputs.TABLE
    if not bigquery.is_table(plan.options.logs):
        settings = request_settings(plan)
        log_format = detect_log(files, plan.options.format, settings.expected)
        known = inputs.known_input(files, log_format, settings, plan.options.range_mib << 20)
    name = "raw statistics" if Space.RAW in plan.references else "reading"
    all_steps = [steps.reading(name, features[Space.RAW], known.format)]
    if Space.TRANSFORMED in features:
        all_steps.append(
            steps.transforming("transform graph and its statistics", features[Space.TRANSFORMED])
        )
    if Space.PREDICTION in features:
        all_steps.append(steps.unmeasured("predictions"))
    by_name = {space.value: number for space, number in features.items()}
    return known.workload(command, by_name, [*all_steps, *more], kept_bytes=kept_bytes)


def _request_schema(raw: Reference | None, baseline: Baseline | None, policy: Policy) -> schema_pb2.Schema:
    """The schema that requests are decoded by: that of the raw features, whatever is compared."""
    if raw is not None:
        return raw.prepared(policy)
    assert baseline is not None
    return baseline.schema


def _policy(options: ValidateOptions, references: Sequence[Reference], baseline: Baseline | None) -> Policy:
    return Policy(
        jsd=options.jsd,
        linf=options.linf,
        fail_on=Severity.ERROR if options.fail_on == "new" else Severity(options.fail_on),
        only_news=options.fail_on == "new",
        ignore=frozenset(options.ignore),
        only=feature_limits.check_only(options.only, references),
        thresholds=feature_limits.load_thresholds(options.thresholds, baseline),
        max_rejects=options.max_rejects,
    )


def _previous_runs(
    options: ValidateOptions, window: Window, contract: Mapping[str, Any] | None
) -> previous_runs.PreviousRuns | None:
    """The runs that `--previous` means; None without it."""
    if options.previous is None:
        return None
    return previous_runs.find(options.previous, options.output, window, contract)
