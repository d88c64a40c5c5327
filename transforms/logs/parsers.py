"""The parser of each format whose records are carried as rows or JSON objects."""

from __future__ import annotations

from collections.abc import Callable

from transforms.logs.ai_platform import AiPlatformParser
from transforms.logs.detect import Format
from transforms.logs.features import Settings
from transforms.logs.kserve import KServeParser
from transforms.logs.request import RequestParser
from transforms.logs.rest import RestParser
from transforms.logs.sagemaker import SageMakerParser
from transforms.logs.table import TableParser
from transforms.logs.vertex import VertexParser

PARSERS: dict[Format, Callable[[Settings], RequestParser]] = {
    Format.REST: RestParser,
    Format.AI_PLATFORM: AiPlatformParser,
    Format.VERTEX: VertexParser,
    Format.SAGEMAKER: SageMakerParser,
    Format.KSERVE: KServeParser,
    Format.TABLE: TableParser,
}
