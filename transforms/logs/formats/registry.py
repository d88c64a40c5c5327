"""How each format of `format_names` is read: by a decoder of TFRecords, or by a parser of rows or objects."""

from __future__ import annotations

from collections.abc import Callable

from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.ai_platform import AiPlatformParser
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.kserve import KServeParser
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.formats.rest import RestParser
from trueserve.transforms.logs.formats.sagemaker import SageMakerParser
from trueserve.transforms.logs.formats.table import TableParser
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder
from trueserve.transforms.logs.formats.vertex import VertexParser
from trueserve.transforms.logs.request import RequestParser

DECODERS: dict[Format, type[TfExampleDecoder] | type[PredictionLogDecoder]] = {
    Format.PREDICTION_LOG: PredictionLogDecoder,
    Format.TF_EXAMPLE: TfExampleDecoder,
}
PARSERS: dict[Format, Callable[[Settings], RequestParser]] = {
    Format.REST: RestParser,
    Format.AI_PLATFORM: AiPlatformParser,
    Format.VERTEX: VertexParser,
    Format.SAGEMAKER: SageMakerParser,
    Format.KSERVE: KServeParser,
    Format.TABLE: TableParser,
}
#: Formats whose requests and answers are records of their own, which belong together.
JOINED = frozenset({Format.KSERVE})
