"""A bundle: weights, plan and model card, each named in a manifest with its size and sha256.

Weights are safetensors: reading them runs no code. The digest of a bundle is the sha256 of its manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ctsma_node.analysis import signature
from ctsma_node.analysis.familiarity import Reference
from ctsma_node.analysis.networks import Aggregator, BoneSegmenter, KneeFinder, Student
from ctsma_node.analysis.plan import DEFAULT, PLAN, PLAN_VERSION, Plan
from ctsma_node.errors import BundleError

MANIFEST = "manifest.json"
CARD = "MODEL_CARD.md"
FAMILIARITY = "familiarity.safetensors"
"""Arrays of a Reference; only where the plan says so."""
WEIGHTS = ("finder", "segmenter", "student", "aggregator")


@dataclass(frozen=True)
class Bundle:
    """Networks in evaluation mode, and the plan they were trained by."""

    plan: Plan
    digest: str
    finder: KneeFinder
    segmenter: BoneSegmenter
    student: Student
    aggregator: Aggregator
    reference: Reference | None = None


def read_bundle(folder: Path | None = None, public_key: Path | None = None) -> Bundle:
    """Read and verify a bundle; the default one without a folder. With a key it must be signed by it.

    Raises BundleError naming the file that is missing, altered or of another version, or the signature.
    """
    folder = folder or DEFAULT
    files, digest = _verified(folder, public_key)
    plan = _plan(folder, files[PLAN])
    networks = empty_networks(plan)
    for name, network in networks.items():
        _fill(network, files[f"{name}.safetensors"], folder / f"{name}.safetensors")
    return Bundle(
        plan,
        digest,
        finder=networks["finder"],  # type: ignore[arg-type]
        segmenter=networks["segmenter"],  # type: ignore[arg-type]
        student=networks["student"],  # type: ignore[arg-type]
        aggregator=networks["aggregator"],  # type: ignore[arg-type]
        reference=_reference(files, folder) if plan.familiarity else None,
    )


def empty_networks(plan: Plan) -> dict[str, nn.Module]:
    """The networks of a plan, untrained."""
    return {
        "finder": KneeFinder(plan.finder_width),
        "segmenter": BoneSegmenter(plan.segmenter_width),
        "student": Student(len(plan.student.context), plan.student.width, plan.student.landmarks),
        "aggregator": Aggregator(plan.aggregator.width, plan.aggregator.heads, plan.aggregator.layers),
    }


def write_bundle(
    folder: Path,
    plan: Plan,
    states: Mapping[str, Mapping[str, Tensor]],
    card: str,
    reference: Reference | None = None,
) -> str:
    """Write a bundle and return its digest; `states` are the networks' state dicts by name in WEIGHTS.

    `reference` is there where, and only where, the plan has `familiarity`.
    """
    if (reference is None) is not (plan.familiarity is None):
        raise ValueError("a plan with familiarity and its reference go together")
    folder.mkdir(parents=True, exist_ok=True)
    content = {PLAN: plan.model_dump_json(indent=1).encode() + b"\n", CARD: card.encode()}
    if reference is not None:
        content[FAMILIARITY] = save_arrays(reference.arrays())
    for name in WEIGHTS:
        tensors = {key: value.detach().cpu().contiguous() for key, value in sorted(states[name].items())}
        content[f"{name}.safetensors"] = save_tensors(tensors)
    for name, raw in content.items():
        (folder / name).write_bytes(raw)
    manifest = json.dumps({"files": {n: _entry(raw) for n, raw in sorted(content.items())}}, indent=1) + "\n"
    (folder / MANIFEST).write_text(manifest)
    return hashlib.sha256(manifest.encode()).hexdigest()


def _entry(raw: bytes) -> dict[str, object]:
    return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def _verified(folder: Path, public_key: Path | None) -> tuple[dict[str, bytes], str]:
    """Content of every file that the manifest names, each checked against it."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
        entries = json.loads(manifest)["files"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BundleError(f"{folder} is no bundle: {MANIFEST} cannot be read ({type(e).__name__}).") from e
    if public_key is not None:
        signature.verify(folder, manifest, public_key)
    for name in (PLAN, CARD, *(f"{w}.safetensors" for w in WEIGHTS)):
        if name not in entries:
            raise BundleError(f"{folder / MANIFEST} does not name {name}: the bundle is incomplete.")
    files: dict[str, bytes] = {}
    for name, entry in entries.items():
        if Path(name).name != name:
            raise BundleError(f"{folder / MANIFEST} names a file outside its folder.")
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as e:
            raise BundleError(f"{folder / name} is named in the manifest but cannot be read.") from e
        if _entry(files[name]) != entry:
            raise BundleError(f"{folder / name} is not the file that was bundled: install the bundle again.")
    return files, hashlib.sha256(manifest).hexdigest()


def _plan(folder: Path, raw: bytes) -> Plan:
    try:
        version = json.loads(raw).get("plan_version")
        if version != PLAN_VERSION:
            raise BundleError(
                f"{folder / PLAN} is of plan version {version}; this software reads version {PLAN_VERSION}."
            )
        return Plan.model_validate_json(raw)
    except (ValueError, AttributeError, ValidationError) as e:
        raise BundleError(f"{folder / PLAN} cannot be read as a plan.") from e


def _reference(files: Mapping[str, bytes], folder: Path) -> Reference:
    """The arrays that the plan's `familiarity` is judged by."""
    try:
        return Reference(**load_arrays(files[FAMILIARITY]))
    except Exception as e:  # safetensors raises several kinds here
        raise BundleError(f"{folder / FAMILIARITY} does not hold what the plan describes.") from e


def _fill(network: nn.Module, raw: bytes, path: Path) -> None:
    try:
        network.load_state_dict(load_tensors(raw))
    except Exception as e:  # safetensors and torch raise several kinds here
        raise BundleError(f"{path} does not hold the weights that the plan describes.") from e
    network.eval()
    network.requires_grad_(False)
