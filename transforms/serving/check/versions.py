"""Digests and versions of a model beside the baseline's: other bytes are news, and no fault by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from trueserve.transforms.baseline.contract import Contract, Digests
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.serving.check.report import CheckFinding, Version
from trueserve.transforms.serving.check.saved_model import CONTRACT, SavedModelContents

_SHOWN = 12


def compared(baseline: Contract, model: SavedModelContents) -> list[Version]:
    """Every digest and version of the contracts, and the version of TensorFlow that saved the model.

    Raises InputError if the model's contract is none.
    """
    other = _contract(model)
    left, right = _digests(baseline.digests), _digests(other.digests) if other else {}
    packages, model_packages = baseline.versions, other.versions if other else {}
    versions = [Version(name, left.get(name), right.get(name)) for name in {**left, **right}]
    versions += [
        Version(f"packages/{n}", packages.get(n), model_packages.get(n))
        for n in sorted({*packages, *model_packages})
    ]
    saved = model.tensorflow_version
    return [*versions, Version("saved_model/tensorflow", packages.get("tensorflow"), saved)]


def findings(versions: Sequence[Version], model: SavedModelContents, agree: bool) -> Iterator[CheckFinding]:
    """What differs; `agree` says whether the transformed features of all probes are those of the baseline."""
    if model.contract is None:
        message = "the model carries no contract: digests and versions of its packages were not compared"
        yield CheckFinding("no_contract", "info", message)
    consequence = "the probes agree all the same" if agree else "see the errors for what that does"
    for version in versions:
        if version.differs:
            left, right = _shown(version.baseline), _shown(version.model)
            message = f"{version.name}: {right} in the model, {left} in the baseline; {consequence}"
            yield CheckFinding("version", "info", message)


def _contract(model: SavedModelContents) -> Contract | None:
    if model.contract is None:
        return None
    try:
        return Contract.from_json(json.loads(model.contract))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{CONTRACT} of {model.name} is no contract: {error}; export the model again"
        ) from error


def _digests(digests: Digests) -> Mapping[str, str]:
    assets = {f"assets/{name}": digest for name, digest in sorted(digests.assets.items())}
    # That of an adopted graph is not known, and in the digests of either side then there is none.
    source = {"preprocessing_source": digests.preprocessing_source} if digests.preprocessing_source else {}
    return {**source, "graph": digests.graph, **assets}


def _shown(version: str | None) -> str:
    text = version or "none"
    return f"{text[:_SHOWN]}…" if len(text) == 64 else text
