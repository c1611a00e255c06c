"""Finds where a module may run what it reads: pickles and their like, and source code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MODULES = frozenset(
    {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "joblib", "marshal", "yaml", "jsonpickle", "runpy"}
)
"""Their reading side runs what a file says; nothing imports them."""

CALLS = frozenset({"eval", "exec", "compile", "__import__", "torch.load", "torch.jit.load", "torch.hub.load"})
"""PyTorch's own reading of a checkpoint, too: bundles are safetensors."""


def unsafe_reads(modules: dict[str, Path]) -> Iterator[str]:
    """Where a module imports one of MODULES, calls one of CALLS, or allows a reader to unpickle."""
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for imported in _imported(node):
                if imported.partition(".")[0] in MODULES:
                    yield f"{name} imports {imported}"
            if isinstance(node, ast.Call) and _is_unsafe(node):
                yield f"{name}:{node.lineno} calls {ast.unparse(node.func)}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _is_unsafe(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    given = {each.arg: each.value for each in call.keywords}
    if called in CALLS or called.endswith(".read_pickle"):
        return True
    if called.endswith("fabric.load") and not _is(given.get("weights_only"), True):
        return True
    return "allow_pickle" in given and not _is(given["allow_pickle"], False)


def _is(value: ast.expr | None, wanted: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is wanted
