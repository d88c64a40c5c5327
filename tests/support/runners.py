"""Beam's local runner made as plain as other runners are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from apache_beam.portability import common_urns
from apache_beam.runners.portability.fn_api_runner import translations


def without_optimizer(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Lets the runner neither fuse steps nor combine before a shuffle; gives the stages of its graphs.

    Then every element of every PCollection is encoded, and decoded by the step that takes it.
    """
    stages_run: list[Any] = []
    sort_stages = translations.sort_stages

    def sort_and_keep(stages: Iterable[Any], context: Any) -> Iterator[Any]:
        for stage in sort_stages(stages, context):
            stages_run.append(stage)
            yield stage

    # A combine is then what its SDK makes of it: a group by key, and a step that sees all values of a key.
    combine = common_urns.composites.COMBINE_PER_KEY.urn
    monkeypatch.setattr(translations, "KNOWN_COMPOSITES", translations.KNOWN_COMPOSITES - {combine})
    monkeypatch.setattr(translations.Stage, "can_fuse", lambda *_: False)
    monkeypatch.setattr(translations, "sort_stages", sort_and_keep)
    return stages_run


def transforms_of(stage: Any) -> list[str]:
    """The names of the user's steps in a stage, and not of what moves elements between stages."""
    moving = {"beam:runner:source:v1", "beam:runner:sink:v1"}
    return [step.unique_name for step in stage.transforms if step.spec.urn not in moving]


def has_lifted_combine(stages: Iterable[Any]) -> bool:
    """Whether a stage combines before a shuffle."""
    lifted = common_urns.combine_components.COMBINE_PER_KEY_PRECOMBINE.urn
    return any(step.spec.urn == lifted for stage in stages for step in stage.transforms)
