"""The parser of each format whose records are carried as rows or JSON objects."""

from __future__ import annotations

from collections.abc import Callable

from transforms.logs.detect import Format
from transforms.logs.features import Settings
from transforms.logs.formats.ai_platform import AiPlatformParser
from transforms.logs.formats.kserve import KServeParser
from transforms.logs.formats.rest import RestParser
from transforms.logs.formats.sagemaker import SageMakerParser
from transforms.logs.formats.table import TableParser
from transforms.logs.formats.vertex import VertexParser
from transforms.logs.request import RequestParser

PARSERS: dict[Format, Callable[[Settings], RequestParser]] = {
    Format.REST: RestParser,
    Format.AI_PLATFORM: AiPlatformParser,
    Format.VERTEX: VertexParser,
    Format.SAGEMAKER: SageMakerParser,
    Format.KSERVE: KServeParser,
    Format.TABLE: TableParser,
}
