"""What the lint knows of ops: which draw, write, read files, call Python, or are in no stock server."""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from trueserve.transforms.serving.lint.finding import Severity

PYTHON = frozenset({"PyFunc", "EagerPyFunc", "PyFuncStateless", "GeneratorDataset"})
# Random ops whose state is a variable: they have no attributes for a seed.
_DRAW_FROM_VARIABLE = re.compile(r"Stateful(Uniform|StandardNormal|TruncatedNormal|Random)\w*|Rng\w*")
_NOT_REPEATABLE = frozenset(
    {"NonDeterministicInts", "AnonymousRandomSeedGenerator", "AnonymousSeedGenerator"}
)
_SEEDS = ("seed", "seed2")
_WRITE = re.compile(
    r"Assign\w*|Resource(Strided|Scatter|Apply|SparseApply|CountUpTo)\w*|Scatter(Nd)?(Add|Sub|Mul|Div|Min|Max"
    r"|Update)|LookupTable(Insert|Remove|Import)\w*|InitializeTable\w*|CountUpTo|Sparse?Apply\w*"
)
_PRINT = re.compile(r"Print(V2)?|\w*Summary(V2)?|Write\w*Summary")
_FILES = re.compile(
    r"ReadFile|WriteFile|MatchingFiles|\w+ReaderV?2?|Save(V2|Slices)?|Restore(V2|Slice)?|MergeV2Checkpoints"
)
_KEEP = re.compile(
    r"\w*Dataset(V\d)?|\w*Iterator\w*|\w*Queue\w*|\w*Barrier\w*|Stack(V2|Push\w*|Pop\w*|Close\w*)?|Stage|Unstage"
    r"|(Ordered)?Map(Stage|Unstage\w*|Peek)|\w*Accumulator\w*|DatasetToSingleElement|\w*SessionHandle\w*"
    r"|\w*SessionTensor|\w*Mutex\w*|Collective\w*"
)
# Ops with state that only read it, that hold it for one call, or that merely call functions.
_READ_ONLY = re.compile(
    r"\w*HandleOp|ReadVariableOp|VarIsInitializedOp|VariableShape|Variable(V2)?|_?(VarHandles|ReadVariables)Op"
    r"|(Anonymous)?(Mutable)?(Dense)?HashTable\w*|LookupTable(Find|Size|Export)\w*|ResourceGather(Nd)?"
    r"|(Stateful)?PartitionedCall|If|While|Case|_If|_While|Assert|CheckNumerics(V2)?|TensorArray\w*"
    r"|Placeholder(V2)?|_Arg|_Retval|_?(Host)?(Send|Recv)|GuaranteeConst|Empty|ParallelConcat|DeviceIndex"
    r"|StatelessRandomGetAlg|BoostedTrees\w*(Predict|HandleOp)|IsBoostedTrees\w*|IsVariableInitialized"
    r"|TPU(Partitioned|Ordinal)\w*|Xla\w*|DisableCopyOnRead|IsResourceHandleRefCounting|CudnnRNN\w*"
)
_NO_RAW_OP = re.compile(
    r"_.*|Xla\w*|TPU\w*|Nccl\w*|Mlir\w*|TRT\w*|\w*TRT(Resource|EngineOp|ResourceHandle)|Relayout\w*|CopyToMesh"
    r"\w*|DTensor\w*|HostConst|QuantizedConcatV2|KthOrderStatistic|MakeUnique|TopK(With)?Unique"
    r"|AudioMicrofrontend|CustomAggregator|DumpTensor|FakeParam"
)
# The ops of tensorflow_text and of decision forests, which stock TF Serving is linked with. Newer versions
# of tensorflow_text name theirs with a prefix.
_TEXT = re.compile(
    r"TFText>.*|Sentencepiece\w*|\w*(Wordpiece|Whitespace|UnicodeScript|SplitMerge|Phrase)Tokenize\w*"
    r"|FastWordpiece\w*|FastBertNormalize|(CaseFold|Normalize)UTF8\w*|FindSourceOffsets|ConstrainedSequence"
    r"|MaxSpanningTree|RegexSplitWithOffsets|RougeL|SentenceFragments\w*|TokenizerFromLogits|ByteSplit\w*"
    r"|RoundRobin\w*|(BoiseTags|Offsets)To\w*|SplitMergeFromLogits|Utf8Binarize"
)
_FORESTS = re.compile(r"SimpleML\w*")


def is_of_text(op: str) -> bool:
    """Whether this is an op of tensorflow_text."""
    return _TEXT.fullmatch(op) is not None


def is_of_forests(op: str) -> bool:
    """Whether this is an op of decision forests."""
    return _FORESTS.fullmatch(op) is not None


def is_internal(op: str) -> bool:
    """Whether this may be an op that TensorFlow has and does not offer to Python."""
    return _NO_RAW_OP.fullmatch(op) is not None


class Remark(NamedTuple):
    """What a rule says of a node: its id, how grave it is, and the sentence."""

    rule: str
    severity: Severity
    message: str


class Facts(NamedTuple):
    """Names of the ops of a model that have state, and of those with attributes for a seed.

    They are taken from the ops' definitions: a node does not show an attribute that has its default.
    """

    stateful: frozenset[str]
    seeded: frozenset[str]


def draws(node: Any, facts: Facts) -> Remark | None:
    """A random op whose values are others for each request, or each start of the server."""
    if node.op in _NOT_REPEATABLE or _DRAW_FROM_VARIABLE.fullmatch(node.op):
        return _unseeded(node.op)
    if node.op not in facts.seeded or node.op.endswith("Dataset"):
        return None
    if any(node.attr[name].i for name in _SEEDS):
        problem = f"{node.op} has a seed, but draws anew for each request"
        return Remark(
            "random-seeded", "info", f"{problem}; if that is not intended, use a tf.random.stateless op"
        )
    return _unseeded(node.op)


def _unseeded(op: str) -> Remark:
    advice = "keep noise and dropout out of serving, or draw with a tf.random.stateless op and a fixed seed"
    problem = f"{op} draws without a fixed seed, so that equal requests get different answers"
    return Remark("random-without-seed", "error", f"{problem}; {advice}")


def keeps_state(node: Any, facts: Facts) -> Remark | None:
    """State that a request writes or that outlasts it, and files that it touches."""
    op = node.op
    if _READ_ONLY.fullmatch(op) or draws(node, facts) or op in PYTHON or op == "Timestamp":
        return None
    if _PRINT.fullmatch(op):
        return Remark("prints", "info", f"{op} writes into the server's log; take it out before serving")
    if _FILES.fullmatch(op):
        return Remark("file-access", "error", f"{op} touches files while a request is served; {_AS_ASSET}")
    if _WRITE.fullmatch(op):
        problem = f"{op} changes a variable or a table while a request is served"
        return Remark("state-written", "error", f"{problem}; answers depend on earlier ones: take it out")
    if op in facts.stateful or _KEEP.fullmatch(op):
        problem = f"{op} keeps state from request to request"
        return Remark("state-kept", "warning", f"{problem}; compute the value from the request alone")
    return None


_AS_ASSET = "read it once when the graph is built, or make it a vocabulary, which is kept as an asset"


def cannot_be_run(node: Any, _: Facts) -> Remark | None:
    """Python that no server runs, and ops that stock TF Serving does not bring."""
    if node.op in PYTHON:
        problem = f"{node.op} runs Python code that is not in the model and that TF Serving cannot run"
        return Remark("python-op", "error", f"{problem}; write it with TensorFlow's ops")
    if node.op in stock() or _NO_RAW_OP.fullmatch(node.op):
        return None
    for pattern, package in ((_TEXT, "tensorflow_text"), (_FORESTS, "tensorflow_decision_forests")):
        if pattern.fullmatch(node.op):
            problem = f"{node.op} is an op of {package}, which TF Serving brings"
            return Remark(
                "packaged-op", "info", f"{problem}; any other server has to import the package first"
            )
    problem = f"{node.op} is no op of TensorFlow {_version()}, and stock TF Serving does not have it"
    return Remark(
        "custom-op", "error", f"{problem}; build a server with it, or write it with TensorFlow's ops"
    )


def depends_on_host(node: Any, _: Facts) -> Remark | None:
    """The time, and a device that the server may not have."""
    if node.op == "Timestamp":
        advice = "make the time a feature of the request, so that training and serving can see the same"
        return Remark("time", "error", f"Timestamp reads the server's clock; {advice}")
    if re.search(r"(job:(?!localhost)|GPU:|TPU:)", node.device, re.IGNORECASE):
        problem = f"the node is pinned to the device {node.device}, which the server may not have"
        return Remark("device", "info", f"{problem}; trace it without tf.device")
    return None


@functools.cache
def stock() -> frozenset[str]:
    """TensorFlow's own ops, whatever other packages have registered in this process."""
    import tensorflow as tf

    return frozenset(dir(tf.raw_ops))


def facts(meta_graph: Any) -> Facts:
    """What the model itself says of the ops that it uses, or else TensorFlow."""
    from tensorflow.python.framework import op_def_registry

    described = {op.name: op for op in meta_graph.meta_info_def.stripped_op_list.op}
    graph = meta_graph.graph_def
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    names = {node.op for nodes in bodies for node in nodes}
    known = [described.get(name) or op_def_registry.get(name) for name in names]
    defs = [op for op in known if op is not None]
    return Facts(
        stateful=frozenset(op.name for op in defs if op.is_stateful),
        seeded=frozenset(op.name for op in defs if {attr.name for attr in op.attr}.issuperset(_SEEDS)),
    )


def _version() -> str:
    import tensorflow as tf

    return str(tf.__version__)
