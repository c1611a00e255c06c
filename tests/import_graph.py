"""Which module imports which, read from the sources without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One import statement's target: a module of the project by its full name, or what else was imported."""

    importer: str
    imported: str
    line: int
    deferred: bool
    """Inside a function or for the type checker alone: does not run when the importer is loaded."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules_of(root: Path, packages: Iterable[str]) -> dict[str, Path]:
    """Every module under root/package, by its dotted name."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def read_imports(modules: dict[str, Path]) -> list[Import]:
    """Every import of every module, those inside functions and TYPE_CHECKING blocks included."""
    return [found for name, path in modules.items() for found in _imports_of(name, path, modules)]


def _imports_of(name: str, path: Path, modules: dict[str, Path]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node, deferred in _nodes(ast.parse(path.read_text(encoding="utf-8")), deferred=False):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = _from_targets(node, package, modules)
        else:
            continue
        for target in targets:
            yield Import(name, target, node.lineno, deferred)


def _nodes(node: ast.AST, deferred: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, deferred
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(child)
        yield from _nodes(child, deferred or inside)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _from_targets(node: ast.ImportFrom, package: str, modules: dict[str, Path]) -> list[str]:
    """`from a.b import c` means a.b.c where that is a module, else a.b."""
    base = node.module or ""
    if node.level:
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parents, base] if base else parents)
    return [full if (full := f"{base}.{alias.name}") in modules else base for alias in node.names]


def closure(
    start: Iterable[str], imports: Iterable[Import], *, deferred: bool = True
) -> dict[str, str | None]:
    """Everything reached from `start`, each with the module that led to it (None for a start).

    Loading a.b.c also loads a and a.b, so these count as imported. `deferred=False` follows only what
    loading the modules runs.
    """
    targets: dict[str, list[str]] = {}
    for found in imports:
        if deferred or not found.deferred:
            targets.setdefault(found.importer, []).append(found.imported)
    reached: dict[str, str | None] = {}
    queue: list[tuple[str, str | None]] = [(name, None) for name in start]
    while queue:
        name, led_by = queue.pop()
        if name in reached:
            continue
        reached[name] = led_by
        parent = name.rpartition(".")[0]
        queue += [(target, name) for target in targets.get(name, ())]
        queue += [(parent, name)] if parent else []
    return reached


def chain(reached: dict[str, str | None], name: str) -> str:
    """How `name` was reached, as `a -> b -> name`."""
    steps = [name]
    while (led_by := reached[steps[-1]]) is not None:
        steps.append(led_by)
    return " -> ".join(reversed(steps))


def within(name: str, room: str) -> bool:
    """Whether a module is the room or inside it."""
    return name == room or name.startswith(room + ".")
