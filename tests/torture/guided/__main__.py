"""`python -m tests.torture.guided FOLDER [libFuzzer options]`: mutants that are led by what they reach.

Inputs that run through code of the receiver, of assembling or of pydicom that none did before are kept in
FOLDER: a byte that numbers one of SYNTAXES, then a dataset. Copied into `tests/torture/corpus`, they are what
the suite `datasets` makes a part of its mutants from. It takes `atheris` (PyPI, Apache-2.0; `pip install
atheris`), which nothing else needs and no extra brings.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path

atheris = importlib.import_module("atheris")
with atheris.instrument_imports(include=["pydicom", "ctsma_node.receive.header", "ctsma_node.assemble"]):
    from pydicom.uid import CTImageStorage

    from ctsma_node.assemble import read_series
    from ctsma_node.errors import Refused
    from ctsma_node.receive.header import read_header
    from ctsma_node.receive.part10 import preamble_and_meta
    from ctsma_node.receive.refusal import Unfit
    from tests.torture.dataset_seeds import SYNTAXES, corpus, seeds

_LONGEST = 6000


def main() -> None:
    """Write the seeds, then go on until an option of libFuzzer ends it (-max_total_time=SECONDS)."""
    _write_seeds(Path(sys.argv[1]))
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as kept:
        path = Path(kept) / "instance.dcm"
        atheris.Setup([*sys.argv, f"-max_len={_LONGEST}"], lambda content: _read(content, path))
        atheris.Fuzz()


def _write_seeds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate([*seeds(), *corpus()]):
        if seed.syntax in SYNTAXES and len(seed.instances[0]) < _LONGEST:
            content = bytes([SYNTAXES.index(seed.syntax)]) + seed.instances[0]
            (folder / f"seed-{number}").write_bytes(content)


def _read(content: bytes, path: Path) -> None:
    """Read an input as the receiver does, then as assembling does; what else they raise ends the run."""
    if not content:
        return
    syntax, instance = SYNTAXES[content[0] % len(SYNTAXES)], content[1:]
    with suppress(Unfit):
        read_header(BytesIO(instance), syntax)
    path.write_bytes(preamble_and_meta(CTImageStorage, "1.2.3", syntax, "SOURCE", "CTSMA") + instance)
    with suppress(Refused):
        read_series([path])


if __name__ == "__main__":
    main()
