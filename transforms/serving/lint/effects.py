"""What an op does beside computing: the ops that a model may not have if it is to be loaded unseen.

A SavedModel is a program, and loading it runs a part of it. An op passes if TensorFlow's own registry knows
it and has it as stateless, or it keeps state of a kind that was looked at (variables, tables, queues, random
numbers, datasets of tensors); if no input or attribute of it is named like a path or an address; and if it is
in none of the lists here. What is not known does not pass. The lists were made from the registries of
TensorFlow 2.16 and 2.21.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from trueserve.transforms.serving.lint.ops import PYTHON, is_internal, is_of_forests, is_of_text, stock

_STRING = 7  # DT_STRING
_FILES = re.compile(
    r"ReadFile|WriteFile|MatchingFiles|ImmutableConst|Skipgram|RecordInput|GenerateVocabRemapping|LoadAndRemapMatrix"
    r"|(Experimental)?(CSV|LMDB|Sql|MatchingFiles)Dataset(V\d)?|(TextLine|TFRecord|FixedLengthRecord)Dataset(V\d)?"
    r"|(TextLine|TFRecord|FixedLengthRecord|WholeFile|LMDB|Identity)Reader(V2)?|Reader(Read|Restore)\w*"
    r"|(Load|Save|\w*Snapshot\w*)Dataset\w*|SnapshotDataset\w*|ListSnapshot\w*|(Experimental)?DatasetToTFRecord"
    r"|DistributedSave|(Save|Restore)(V2|Slices?)?|MergeV2Checkpoints|DTensorRestore\w*|DumpTensor"
    r"|InitializeTableFromTextFile(V2)?|FileSystemSetConfiguration|CreateSummary\w*Writer|SummaryWriter"
    r"|Write\w*Summary|(Flush|Close)SummaryWriter|ImportEvent|StatsAggregatorSetSummaryWriter"
    r"|(Initialize|Serialize)TRTResource|Bigtable\w*|BigQuery\w*|CalibrationStatisticsSaver"
)
_NETWORK = re.compile(
    r"Rpc\w*|Grpc\w*|\w*DataService\w*|RegisterDataset(V2)?|_?(Host)?(Send|Recv)|RemoteCall|WorkerHeartbeat"
    r"|Collective\w*|_?Nccl\w*|\w*TPU\w*|DTensor\w*|\w*Distributed\w*|_?Xla\w*(Send|Recv|Host)\w*|\w*Bigtable\w*"
    r"|Debug(Identity|NumericSummary|NanCount)\w*|Copy(Host)?|(In|Out)feed\w*|SyncDevice"
)
_OPAQUE = re.compile(
    r"XlaCallModule|XlaCustomCall\w*|XlaLaunch\w*|_Xla(Compile|Run)\w*|MlirPassthroughOp|TfLite\w*"
    r"|TRTEngineOp|CreateTRTResourceHandle|GetCalibrationDataOp|CustomAggregator|DatasetFromGraph|\w*Mlir\w*"
)
# State of a kind that was looked at, by the names of ops that TensorFlow has as stateful.
_KNOWN_STATE = re.compile(
    r"\w*Variable\w*|Var(Handle|IsInitialized)Op|_VarHandlesOp|Assign\w*|DestroyResourceOp|TemporaryVariable"
    r"|Resource(Gather|Scatter|Apply|SparseApply|Strided|CountUp|Accumulator|ConditionalAccumulator)\w*"
    r"|(Sparse)?ConditionalAccumulator|(Anonymous)?(Mutable)?(Dense)?HashTable\w*|LookupTable\w*|InitializeTable(V2)?"
    r"|InitializeTableFromDataset|Random\w*|\w*Normal(V2)?|Multinomial|\w*CandidateSampler|Sample\w*|Stateful\w*|Rng\w*"
    r"|NonDeterministicInts|Anonymous\w*|Dummy\w*|Delete(Iterator|MemoryCache|MultiDeviceIterator|\w*SeedGenerator)"
    r"|StatelessRandomGetAlg|\w*Queue\w*|Barrier\w*|\w*Stage(Size|Clear|Peek)?|\w*[Uu]nstage(NoKey)?"
    r"|(Ordered)?Map(Clear|IncompleteSize|Peek|Size)|Stack\w*|Mutex\w*|ConsumeMutexLock|TensorArray\w*|\w*Iterator\w*|Iterator|\w*Dataset(V\d)?"
    r"|DatasetToSingleElement|(Experimental)?(StatsAggregator|ThreadPool)\w*|(Stateful)?PartitionedCall|_?(If|While)|Case"
    r"|Assert|CheckNumerics(V2)?|Print|PrintV2|Timestamp|Empty|GuaranteeConst|DeepCopy|DeviceIndex|CudnnRNN\w*"
    r"|(IsBoostedTrees|BoostedTrees)\w*|(Get|Delete)Session\w*|DisableCopyOnRead|IsResourceHandleRefCounting"
    r"|IsTensorFloat32Enabled|(Add|Take)(Many)?Sparse(From|To)\w*|(Add|Take)Many\w*|ParallelConcat|_ParallelConcat\w*"
    r"|_(Arg|Retval)|\w*AllCandidateSampler|NegTrain|ParameterizedTruncatedNormal|_ReadVariablesOp|SleepOp"
)
# Names that TensorFlow gives to inputs and attributes that name files or hosts.
_OUTSIDE_NAMES = re.compile(
    r"(^|_)(files?|file_?names?|paths?|dirs?|directory|logdir|address(es)?|urls?|uris?|sockets?|hosts?|ckpt|checkpoints?"
    r"|database|data_source)(_|$)"
)
_OF_FORESTS = re.compile(
    r"SimpleML(CreateModelResource|Inference\w*|LoadModelFromPath(WithHandle)?|UnloadModel)"
)
# The input that names the file, of ops that may read what is provably an asset of the model.
ASSET_INPUTS = {
    "ReadFile": 0,
    "InitializeTableFromTextFile": 1,
    "InitializeTableFromTextFileV2": 1,
    "SimpleMLLoadModelFromPath": 0,
    "SimpleMLLoadModelFromPathWithHandle": 1,
}
# Those whose file name may be empty, for memory: the input that names it.
EMPTY_INPUTS = {"CacheDataset": 1, "CacheDatasetV2": 1}
# Attributes that name a file, with what is none.
_HARMLESS_ATTRS = {
    "PrintV2": ("output_stream", re.compile(rb"|stdout|stderr|log\((info|warning|error)\)")),
    "FixedUnigramCandidateSampler": ("vocab_file", re.compile(rb"")),
    "DecodeProtoV2": ("descriptor_source", re.compile(rb"|local://|bytes://.*", re.DOTALL)),
    "EncodeProto": ("descriptor_source", re.compile(rb"|local://|bytes://.*", re.DOTALL)),
}


class OpEffect(NamedTuple):
    """What an op does to what is outside of the model: the rule that it breaks, and in words."""

    rule: str
    description: str


_TOUCHES_FILES = OpEffect("file-access", "reads or writes files that are not the model's own")
_LISTED = (
    (_OPAQUE, OpEffect("opaque-op", "runs a program that is not in the graph and cannot be read here")),
    (_FILES, _TOUCHES_FILES),
    (_NETWORK, OpEffect("network-access", "talks to other processes or machines")),
)


def effect_of(node: Any) -> OpEffect | None:
    """What this node does outside of the model, as far as its op and its attributes tell; None for nothing.

    Nodes of ASSET_INPUTS and EMPTY_INPUTS touch files here: which one is for their inputs to tell.
    """
    op = node.op
    if op in PYTHON:
        return OpEffect("python-op", "runs Python")
    if op in ASSET_INPUTS or op in EMPTY_INPUTS:
        return _TOUCHES_FILES
    if op in _HARMLESS_ATTRS:
        return _attribute_effect(node, *_HARMLESS_ATTRS[op])
    listed = next((effect for pattern, effect in _LISTED if pattern.fullmatch(op)), None)
    return listed or _unlisted_effect(op)


def _unlisted_effect(op: str) -> OpEffect | None:
    if is_of_forests(op):
        return None if _OF_FORESTS.fullmatch(op) else _TOUCHES_FILES
    if is_of_text(op):
        return None
    definition = _definition(op)
    if definition is None:
        return OpEffect("custom-op", "is no op that TensorFlow or a known package has, and can do anything")
    if outside := _outside_names(definition):
        return OpEffect("file-access", f"takes {', '.join(outside)}, which names files or hosts")
    if definition.is_stateful and not _KNOWN_STATE.fullmatch(op):
        return OpEffect("unknown-effect", "has effects that trueserve does not know")
    return None


def _attribute_effect(node: Any, name: str, harmless: re.Pattern[bytes]) -> OpEffect | None:
    """An attribute that is not written has its default; one that a caller fills in can be anything."""
    if name not in node.attr:
        return None
    value = node.attr[name]
    if value.WhichOneof("value") == "s" and harmless.fullmatch(value.s):
        return None
    return OpEffect("file-access", f"has {name} set to what is no {_WANTED.get(node.op, 'empty text')}")


_WANTED = {"PrintV2": "stream of the process", "DecodeProtoV2": "inline value", "EncodeProto": "inline value"}


def _definition(op: str) -> Any:
    """TensorFlow's own definition of an op, whatever packages have been imported; None if it has none."""
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(op)
    return definition if op in stock() or is_internal(op) or op in _HIDDEN else None


# Ops of TensorFlow that it does not offer to Python. Other packages name theirs otherwise.
_HIDDEN = frozenset(
    {"IsResourceHandleRefCounting", "IsTensorFloat32Enabled", "AudioMicrofrontend", "StochasticCastToInt"}
)


def _outside_names(definition: Any) -> list[str]:
    texts = [argument.name for argument in definition.input_arg if argument.type == _STRING]
    texts += [attr.name for attr in definition.attr if attr.type in ("string", "list(string)")]
    return [name for name in texts if _OUTSIDE_NAMES.search(name)]
