"""The bill of materials is whole and the same each time; the audit cannot pass by knowing nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
CONTROL = ("jinja2", "2.11.2")
LOCK = """\
idna==3.18 \\
    --hash=sha256:1d3b2f0ca44ba71b9b1e9dfbb4e7c2c0b2c1d9a1f9d2d2d0a6a9a2f9d9d9d9d9
h11==0.16.0 --hash=sha256:63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86
"""


def required(module: str) -> None:
    """Skip visibly where a tool of the `test` extra is not installed; with CI=true none may be missing."""
    if find_spec(module) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{module} is not installed, and with CI=true no tool may be missing")
        pytest.skip(f"{module} is not installed")


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Made twice, by processes with different hash seeds."""
    required("cyclonedx")
    folder = tmp_path_factory.mktemp("sbom")
    made = []
    for seed in ("1", "2"):
        path = folder / f"{seed}.json"
        command = [sys.executable, "-W", "error", str(REQUIREMENTS / "sbom.py"), "--output", str(path)]
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, check=True)
        made.append(path.read_bytes())
    return made[0], made[1]


def test_the_bill_is_the_same_each_time(bill: tuple[bytes, bytes]) -> None:
    assert bill[0] == bill[1]
    assert b'"timestamp"' not in bill[0]


def test_the_bill_is_valid(bill: tuple[bytes, bytes]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill[0].decode()) is None


def test_the_bill_has_everything_that_is_locked_with_hashes_and_licences(bill: tuple[bytes, bytes]) -> None:
    components = {each["name"]: each for each in json.loads(bill[0])["components"]}
    lock = (REQUIREMENTS / "node.txt").read_text(encoding="utf-8")
    pins = dict(
        line.split(" ")[0].split("==") for line in lock.splitlines() if "==" in line and line[0] != " "
    )
    torch = components.pop("torch")
    assert {name: each["version"] for name, each in components.items()} == pins
    hashes = [
        each["content"]
        for c in components.values()
        for ref in c["externalReferences"]
        for each in ref["hashes"]
    ]
    assert sorted(hashes) == sorted(part.split()[0] for part in lock.split("--hash=sha256:")[1:])
    assert [each["name"] for each in (*components.values(), torch) if not each["licenses"]] == []


def test_the_bill_says_who_requires_whom(bill: tuple[bytes, bytes]) -> None:
    needs = {each["ref"]: each.get("dependsOn", []) for each in json.loads(bill[0])["dependencies"]}
    assert any(ref.startswith("pkg:pypi/pynetdicom@") for ref in needs["ctsma-node"])
    reached, waiting = set[str](), ["ctsma-node"]
    while waiting:
        ref = waiting.pop()
        waiting += [each for each in needs[ref] if each not in reached]
        reached.update(needs[ref])
    assert len(reached) >= len(needs) - 1 - 1  # tzdata is required where a system has none


class Advisories(ThreadingHTTPServer):
    """A stand-in for osv.dev: answers which of `known` it is asked for."""

    def __init__(self, known: set[tuple[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.known = known
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1/query"


class _Answer(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = (asked["package"]["name"], asked["version"])
        content = json.dumps(
            {"vulns": [_advisory(*package)]} if package in self.server.known else {}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _advisory(name: str, version: str) -> dict[str, Any]:
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "versions": [version]}
    return {
        "id": f"PYSEC-2026-{len(name)}",
        "affected": [affected],
        "details": "",
        "published": "2026-01-01T00:00:00Z",
    }


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    required("pip_audit")
    (tmp_path / "lock.txt").write_text(LOCK, encoding="utf-8")
    servers: list[Advisories] = []

    def run(*known: tuple[str, str], reachable: bool = True) -> subprocess.CompletedProcess[str]:
        server = Advisories(set(known))
        servers.append(server)
        if reachable:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        else:
            server.server_close()
        service = ["--vulnerability-service", "osv", "--osv-url", server.url, "--timeout", "10"]
        environment = os.environ | {"PYTHON": sys.executable, "LOCKS": str(tmp_path / "lock.txt")}
        command = ["sh", str(REQUIREMENTS / "audit.sh"), *service]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    yield run
    for server in servers:
        server.server_close()


def test_an_audit_that_finds_its_control_and_nothing_else_passes(audited: Callable[..., Any]) -> None:
    done = audited(CONTROL)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("No known vulnerabilities found") == 2


def test_an_advisory_of_a_locked_package_fails_the_audit(audited: Callable[..., Any]) -> None:
    done = audited(CONTROL, ("h11", "0.16.0"))
    assert done.returncode == 1
    assert "PYSEC-2026-3" in done.stdout


def test_an_audit_that_does_not_find_its_control_says_that_it_knows_nothing(
    audited: Callable[..., Any],
) -> None:
    done = audited()
    assert done.returncode == 2
    assert "nothing can be looked up" in done.stderr


def test_an_audit_that_reaches_nobody_says_so(audited: Callable[..., Any]) -> None:
    done = audited(CONTROL, reachable=False)
    assert done.returncode == 2
    assert "nothing can be looked up" in done.stderr
