"""The architecture's checks find what they look for: each is run on a tree with planted faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import PACKAGES, forbidden_arrows, heavy_imports, speech, undeclared, unused
from tests.import_graph import closure, modules_of, read_imports

PLANTED = {
    "ctsma_node/__init__.py": "",
    "ctsma_node/config.py": "from ctsma_node import gate\n",
    "ctsma_node/gate.py": "import ctsma_node.errors\n",
    "ctsma_node/errors.py": "import sys\nsys.exit(1)\n",
    "ctsma_node/analysis/__init__.py": "import torch\n",
    "ctsma_node/analysis/result.py": "print('hello')\n",
    "ctsma_node/analysis/predict.py": "from trainer import cohort\n",
    "ctsma_node/report/__init__.py": "from ..analysis import result\n",
    "ctsma_node/report/sr.py": "def write():\n    from ..analysis import predict\n    import pandas\n",
    "ctsma_node/receive/__init__.py": "from ctsma_node.ledger import cases, inbox\n",
    "ctsma_node/ledger/__init__.py": "",
    "ctsma_node/ledger/cases.py": "",
    "ctsma_node/ledger/inbox.py": "",
    "ctsma_node/spool.py": (
        "from ctsma_node.ledger.inbox import Inbox\nfrom ctsma_node.analysis.result import Bone\n"
    ),
    "trainer/cohort.py": "import ctsma_node.worker\nfrom ctsma_node.analysis import predict\n",
}


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, Path]:
    for name, source in PLANTED.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return modules_of(tmp_path, PACKAGES)


def test_forbidden_arrows_are_found_and_allowed_ones_are_not(planted: dict[str, Path]) -> None:
    assert sorted(forbidden_arrows(read_imports(planted))) == [
        "ctsma_node.analysis.predict:1 imports trainer.cohort",
        "ctsma_node.receive:1 imports ctsma_node.ledger.cases",
        "ctsma_node.report.sr:2 imports ctsma_node.analysis.predict",
        "ctsma_node.spool:1 imports ctsma_node.ledger.inbox",
        "ctsma_node.spool:2 imports ctsma_node.analysis.result",
        "trainer.cohort:1 imports ctsma_node.worker",
    ]


def test_torch_is_found_behind_a_module_that_only_holds_types(planted: dict[str, Path]) -> None:
    """Loading analysis.result loads the package analysis, and with it torch."""
    found = heavy_imports(planted, read_imports(planted))
    assert "ctsma_node.spool -> ctsma_node.analysis.result -> ctsma_node.analysis -> torch" in found


def test_printing_and_exiting_are_found(planted: dict[str, Path]) -> None:
    expected = ["ctsma_node.analysis.result:1 calls print", "ctsma_node.errors:2 calls sys.exit"]
    assert sorted(speech(planted)) == expected


def test_an_undeclared_package_is_found(planted: dict[str, Path]) -> None:
    declared = {"ctsma_node": {"torch"}, "trainer": set[str]()}
    assert undeclared(read_imports(planted), declared) == ["ctsma_node.report.sr:3 imports pandas"]


def test_an_unused_package_is_found_and_a_decoder_is_not(planted: dict[str, Path]) -> None:
    assert unused(read_imports(planted), {"torch", "numba", "pylibjpeg"}) == {"numba"}


def test_a_deferred_import_is_followed_only_on_request(planted: dict[str, Path]) -> None:
    imports = read_imports(planted)
    assert "pandas" in closure(["ctsma_node.report.sr"], imports)
    assert "pandas" not in closure(["ctsma_node.report.sr"], imports, deferred=False)
