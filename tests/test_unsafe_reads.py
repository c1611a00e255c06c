"""No module runs what it reads, and the search for those that do finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import PACKAGES
from tests.import_graph import modules_of
from tests.unsafe_reads import unsafe_reads

ROOT = Path(__file__).parent.parent


def test_nothing_runs_what_it_reads() -> None:
    assert list(unsafe_reads(modules_of(ROOT, PACKAGES))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import numpy, joblib.externals",
        "from yaml import safe_load",
        "def f():\n    import shelve",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=True)",
        "np.load('x', allow_pickle=True)",
        "np.load('x', allow_pickle=anything)",
        "pandas.read_pickle('x')",
        "fabric.load('x', state)",
        "eval('1')",
        "exec(compile(text, '', 'exec'))",
    ],
)
def test_what_would_is_found(source: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    assert list(unsafe_reads({"module": path}))


@pytest.mark.parametrize(
    "source",
    [
        "np.load('x')",
        "np.load('x', allow_pickle=False)",
        "fabric.load('x', state, weights_only=True)",
        "import re\nre.compile('x')",
        "network.eval()",
        "from safetensors.torch import load\nload(b'')",
    ],
)
def test_what_would_not_is_let_be(source: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    assert list(unsafe_reads({"module": path})) == []
