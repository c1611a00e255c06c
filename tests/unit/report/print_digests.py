"""Prints the sha256 of each object of a made-up knee: what a process of its own makes of the same input."""

from __future__ import annotations

import sys
from hashlib import sha256

from ctsma_node.analysis.result import Side
from ctsma_node.report import ALL_OBJECTS, NodeIdentity, build_set
from tests.unit.report.conftest import encode
from tests.unit.report.knee_results import analysis, source_headers

if __name__ == "__main__":
    node = NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1", "Klinikum Süd")
    for each in build_set(analysis(Side.RIGHT), source_headers(40), node=node, objects=ALL_OBJECTS):
        sys.stdout.write(f"{each.file_name} {sha256(encode(each)).hexdigest()}\n")
