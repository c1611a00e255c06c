from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.patches import store as stores
from trainer.patches.store import ARRAYS, CHUNK, PatchStore, has_group, write_group


def arrays(n: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "ct": rng.normal(300, 90, (n, 12, 12, 12)).astype(np.float16),
        "mr": rng.integers(0, 1500, (n, 16, 48, 48)).astype(np.uint16),
        "label": rng.random((n, 4)).astype(np.float32),
        "bone": rng.integers(0, 2, n).astype(np.uint8),
        "context": rng.random(3).astype(np.float32),
    }


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "patches.zarr"
    written = arrays(70, 1)
    write_group(folder, "P2-L", written, {"fold": 3})
    write_group(folder, "P1-R", arrays(5, 2), {"fold": 0})
    store = PatchStore(folder)
    assert store.pairs == ["P1-R", "P2-L"]
    assert store.attributes("P2-L") == {"fold": 3}
    for name, values in store.read("P2-L", written).items():
        np.testing.assert_array_equal(values, written[name])
        assert values.dtype == written[name].dtype


def test_patches_stream_in_chunks_of_one_pair_after_another(tmp_path: Path) -> None:
    folder = tmp_path / "patches.zarr"
    first, second = arrays(CHUNK + 3, 1), arrays(4, 2)
    write_group(folder, "a", first, {})
    write_group(folder, "b", second, {})
    parts = list(PatchStore(folder).stream(["b", "a"], ["label", "mr"]))
    assert [len(part["label"]) for part in parts] == [4, CHUNK, 3]
    np.testing.assert_array_equal(np.concatenate([p["mr"] for p in parts[1:]]), first["mr"])


def test_a_group_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "patches.zarr"
    whole = arrays(5, 1)
    monkeypatch.setitem(stores.ARRAYS, "torn", "an array that cannot be stored")
    with pytest.raises((TypeError, ValueError)):
        write_group(folder, "a", whole | {"torn": np.array([object()])}, {})
    assert not has_group(folder, "a")
    write_group(folder, "a", whole, {})
    assert has_group(folder, "a")


def test_the_same_patches_are_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        write_group(tmp_path / name, "a", arrays(6, 1), {"fold": 1})
        files = sorted(p for p in (tmp_path / name / "a").rglob("*") if p.is_file())
        written.append([(p.relative_to(tmp_path / name), p.read_bytes()) for p in files])
    assert written[0] == written[1]


def test_every_array_is_described() -> None:
    assert set(arrays(1, 1)) <= set(ARRAYS)
