"""Writes metadata.json beside this file: the parameters of the Flex Template, which are flags of `validate`.

Run it from a checkout after a change of flags: `PYTHONPATH=. python deploy/dataflow/make_metadata.py`. A test
holds the file equal to what this writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trueserve.pipelines.flags import validate
from trueserve.pipelines.flags.flag import Flag

METADATA = Path(__file__).resolve().parent / "metadata.json"

#: Flags that are no parameters, each with the reason.
LEFT_OUT = {
    "--window": "the template has start and end",
    "--drop_repeated": "it takes two jobs, and a template is one graph",
    "--dry_run": "it starts no job",
    "--profile": "it is for those who work on trueserve",
    "--verbose": "nobody reads the launcher's output",
    "--shared_filesystem": "the workers of Dataflow share none",
}

_NUMBER = r"^[0-9]+([.][0-9]+)?(e-?[0-9]+)?$"
_URL = r"^[a-z][a-z0-9+.-]*://[^\n]+$"
_ANYTHING = r"^[^\n]+$"
#: By what the help calls a value: its pattern.
_PATTERNS = {
    "DIR": _URL,
    "FILE": _URL,
    "MODEL_DIR": _URL,
    "ISO": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$",
    "MIB": r"^[0-9]+$",
    "D": _NUMBER,
    "FRACTION": _NUMBER,
}
#: Of Beam: the image that the workers run, which must be the one that the template was built with.
_OF_BEAM = [
    {
        "name": "sdk_container_image",
        "label": "sdk container image",
        "helpText": "image of the workers (deploy/dataflow/Dockerfile.worker); together with sdk_location",
        "isOptional": True,
        "paramType": "TEXT",
        "regexes": [r"^[a-z0-9./:@_-]+$"],
    },
    {
        "name": "sdk_location",
        "label": "sdk location",
        "helpText": "container: the packages are in the image of the workers, and nothing is staged",
        "isOptional": True,
        "paramType": "ENUM",
        "enumOptions": [{"value": "container"}, {"value": "default"}],
    },
]


def metadata() -> dict[str, Any]:
    """The content of metadata.json, as Dataflow's `TemplateMetadata` has it."""
    return {
        "name": "trueserve validate",
        "description": "Compares logged requests with the training baseline, and publishes a verdict.",
        "parameters": [*map(_parameter, _flags()), *_OF_BEAM],
    }


def text() -> str:
    return json.dumps(metadata(), indent=2, ensure_ascii=False) + "\n"


def _flags() -> Iterator[Flag]:
    for flag in validate.COMMAND.flags:
        if flag.name not in LEFT_OUT:
            yield flag


def _parameter(flag: Flag) -> dict[str, Any]:
    name = flag.name.removeprefix("--")
    described = {
        "name": name,
        "label": name.replace("_", " "),
        "helpText": flag.settings["help"] % {"default": flag.default},
        "isOptional": not flag.settings.get("required", False),
    }
    return described | _type(flag)


def _type(flag: Flag) -> dict[str, Any]:
    if flag.settings.get("action") == "store_true":
        return {"paramType": "BOOLEAN", "defaultValue": "false"}
    if choices := flag.settings.get("choices"):
        options = [{"value": choice} for choice in choices]
        return {"paramType": "ENUM", "enumOptions": options, "defaultValue": flag.default}
    return {"paramType": "TEXT", "regexes": [_PATTERNS.get(flag.settings.get("metavar", ""), _ANYTHING)]}


if __name__ == "__main__":
    METADATA.write_text(text(), encoding="utf-8")
