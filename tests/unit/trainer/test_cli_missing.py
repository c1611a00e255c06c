"""Where the trainer's packages are not installed, or a bundle is not there, its commands say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trainer.cli import app
from trainer.phantom import paired_cohort


@pytest.mark.parametrize(
    ("name", "said"),
    [("numba.core", True), ("zarr", True), ("trainer.phantom", False), ("ctsma_node", False)],
)
def test_a_package_that_is_not_installed_is_named_and_a_fault_of_ours_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str, said: bool
) -> None:
    def missing(*_: Any) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(paired_cohort, "write_cohort", missing)
    result = CliRunner().invoke(app, ["phantom"])
    if said:
        assert result.exit_code == 2
        assert f"{name.partition('.')[0]} is missing" in result.output
        assert 'pip install ".[trainer]"' in result.output
    else:
        assert isinstance(result.exception, ModuleNotFoundError)


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", "bundle", "--bundle", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert "nowhere" in "".join(result.output.split())
