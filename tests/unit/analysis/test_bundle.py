"""A bundle is what its manifest says, or it is not read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctsma_node.analysis.bundle import MANIFEST, WEIGHTS, read_bundle
from ctsma_node.analysis.plan import PLAN
from ctsma_node.analysis.signature import SIGNATURE, make_keys, sign
from ctsma_node.errors import BundleError


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
