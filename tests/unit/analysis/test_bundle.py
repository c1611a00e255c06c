"""A bundle is what its manifest says, or it is not read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.bundle import (
    FAMILIARITY,
    MANIFEST,
    WEIGHTS,
    empty_networks,
    read_bundle,
    write_bundle,
)
from ctsma_node.analysis.familiarity import Reference
from ctsma_node.analysis.plan import MEASURES, PLAN, FamiliarityPlan
from ctsma_node.analysis.signature import SIGNATURE, make_keys, sign
from ctsma_node.errors import BundleError
from tests.unit.analysis.conftest import small_plan


def test_written_bundle_is_read_back(bundle_folder: Path) -> None:
    bundle = read_bundle(bundle_folder)
    assert bundle.plan.name == "small"
    assert bundle.digest == hashlib.sha256((bundle_folder / MANIFEST).read_bytes()).hexdigest()
    assert not any(p.requires_grad for p in bundle.student.parameters())
    assert not bundle.segmenter.training


@pytest.mark.parametrize("name", [PLAN, *(f"{w}.safetensors" for w in WEIGHTS)])
def test_one_altered_byte_is_named(bundle_folder: Path, name: str) -> None:
    path = bundle_folder / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(BundleError, match=name):
        read_bundle(bundle_folder)


def test_missing_file_is_named(bundle_folder: Path) -> None:
    (bundle_folder / "student.safetensors").unlink()
    with pytest.raises(BundleError, match="student"):
        read_bundle(bundle_folder)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A plan that was changed together with its manifest."""
    plan = json.loads((folder / PLAN).read_text())
    change(plan)
    raw = json.dumps(plan).encode()
    (folder / PLAN).write_bytes(raw)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][PLAN] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_another_plan_version_is_refused(bundle_folder: Path) -> None:
    rewrite(bundle_folder, lambda plan: plan.update(plan_version=99))
    with pytest.raises(BundleError, match="version 99"):
        read_bundle(bundle_folder)


def test_weights_of_another_size_are_refused(bundle_folder: Path) -> None:
    rewrite(bundle_folder, lambda plan: plan["student"].update(width=3))
    with pytest.raises(BundleError, match="student"):
        read_bundle(bundle_folder)


def test_a_manifest_cannot_name_files_elsewhere(bundle_folder: Path) -> None:
    manifest = json.loads((bundle_folder / MANIFEST).read_text())
    manifest["files"]["../secret"] = {"bytes": 0, "sha256": ""}
    (bundle_folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="outside"):
        read_bundle(bundle_folder)


def test_no_bundle_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        read_bundle(tmp_path)


def test_a_node_that_asks_for_a_signature_runs_what_is_signed(bundle_folder: Path, tmp_path: Path) -> None:
    private, public = make_keys(tmp_path / "keys")
    assert private.stat().st_mode & 0o077 == 0
    with pytest.raises(BundleError, match="not signed"):
        read_bundle(bundle_folder, public)
    sign(bundle_folder / MANIFEST, private)
    assert read_bundle(bundle_folder, public).digest == read_bundle(bundle_folder).digest


def test_the_signature_of_another_key_or_another_bundle_is_refused(
    bundle_folder: Path, tmp_path: Path
) -> None:
    private, public = make_keys(tmp_path / "keys")
    other, _ = make_keys(tmp_path / "other")
    sign(bundle_folder / MANIFEST, other)
    with pytest.raises(BundleError, match=SIGNATURE):
        read_bundle(bundle_folder, public)
    sign(bundle_folder / MANIFEST, private)
    rewrite(bundle_folder, lambda plan: plan.update(version="2"))
    with pytest.raises(BundleError, match=SIGNATURE):
        read_bundle(bundle_folder, public)


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff\x00"])
def test_what_is_no_key_is_named(bundle_folder: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(BundleError, match=r"key\.pem"):
        read_bundle(bundle_folder, tmp_path / "key.pem")
    with pytest.raises(BundleError, match=r"key\.pem"):
        sign(bundle_folder / MANIFEST, tmp_path / "key.pem")


def test_a_key_is_not_written_over(tmp_path: Path) -> None:
    make_keys(tmp_path)
    with pytest.raises(FileExistsError):
        make_keys(tmp_path)


def test_what_is_usual_comes_with_the_plan_that_asks_for_it(tmp_path: Path) -> None:
    limits = FamiliarityPlan(limits=dict.fromkeys(MEASURES, 2.0), mark_at=1.0, refuse_at=1.5, knees=9)
    plan = small_plan(familiarity=limits)
    states = {name: network.state_dict() for name, network in empty_networks(plan).items()}
    reference = Reference(**{name: np.full(3, 0.5) for name in Reference.__dataclass_fields__})
    write_bundle(tmp_path, plan, states, "a card\n", reference)
    bundle = read_bundle(tmp_path)
    assert bundle.plan.familiarity == limits
    assert bundle.reference is not None
    assert bundle.reference.reach_alone.tolist() == [0.5] * 3
    rewrite(tmp_path, lambda content: content["familiarity"]["limits"].pop("local"))
    with pytest.raises(BundleError, match=PLAN):
        read_bundle(tmp_path)
    with pytest.raises(ValueError, match="go together"):
        write_bundle(tmp_path, plan, states, "a card\n")


def test_a_bundle_that_does_not_know_what_is_usual_is_read(bundle_folder: Path) -> None:
    assert read_bundle(bundle_folder).reference is None
    assert not (bundle_folder / FAMILIARITY).exists()
