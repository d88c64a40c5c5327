"""docs/verdict.schema.json as a check; the schema itself is checked by its own test, once."""

from __future__ import annotations

import json

import jsonschema  # type: ignore[import-untyped]

from .repo import ROOT

VERDICT_SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "verdict.schema.json").read_text()),
    format_checker=jsonschema.FormatChecker(),
)
