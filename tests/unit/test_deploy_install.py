"""deploy/install.sh and uninstall.sh, in a root of their own and without packages.

The long form, in a clean Debian with all packages, is `make install-test`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ctsma_node.cli.terminal import SYSTEM_CONFIG
from tests.conftest import RequireTool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCRIPTS = [*DEPLOY.glob("*.sh"), *(ROOT / "tests" / "install").glob("*.sh")]
UNITS = tuple(sorted(path.name for path in DEPLOY.glob("*.service")))


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(DEPLOY / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def root(require_tool: RequireTool, tmp_path: Path) -> Path:
    """Another root, with a node installed."""
    for tool in ("systemctl", "systemd-sysusers", "systemd-tmpfiles"):
        require_tool(tool)
    done = run("install.sh", "--root", tmp_path, "--no-packages")
    assert done.returncode == 0, done.stderr
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Files by path; accounts are compared as lines, for tools rewrite them."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_everything_is_where_it_belongs(root: Path) -> None:
    settings = root / SYSTEM_CONFIG.relative_to("/")
    assert settings.read_bytes() == (DEPLOY / "node.example.toml").read_bytes()
    for unit in UNITS:
        assert (root / "etc/systemd/system" / unit).read_bytes() == (DEPLOY / unit).read_bytes()
        assert (root / "etc/systemd/system/multi-user.target.wants" / unit).is_symlink()
    assert (root / "usr/lib/sysusers.d/ctsma-node.conf").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another account")
def test_the_account_alone_reads_state_and_keys(root: Path) -> None:
    account = next(
        line.split(":") for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("ctsma")
    )
    for folder in ("var/lib/ctsma-node", "etc/ctsma-node/keys"):
        found = (root / folder).stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o700, int(account[2]))
    settings = (root / "etc/ctsma-node/node.toml").stat()
    assert (settings.st_mode & 0o777, settings.st_uid, settings.st_gid) == (0o640, 0, int(account[3]))


def test_again_keeps_the_settings_and_changes_nothing(root: Path) -> None:
    settings = root / "etc/ctsma-node/node.toml"
    settings.write_text("# the site's own\n")
    before = contents(root)
    done = run("install.sh", "--root", root, "--no-packages")
    assert (done.returncode, contents(root)) == (0, before)


def test_a_changed_unit_is_replaced(root: Path) -> None:
    unit = root / "etc/systemd/system" / UNITS[0]
    unit.write_text("[Service]\n")
    assert run("install.sh", "--root", root, "--no-packages").returncode == 0
    assert unit.read_bytes() == (DEPLOY / UNITS[0]).read_bytes()


def test_drop_ins_are_installed_where_they_are_asked_for(root: Path) -> None:
    assert not list(root.rglob("*.service.d"))
    assert run("install.sh", "--root", root, "--no-packages", "--gpu", "--low-port").returncode == 0
    found = {str(path.relative_to(root / "etc/systemd/system")) for path in root.rglob("*.service.d/*")}
    assert found == {
        "ctsma-node-work.service.d/gpu.conf",
        "ctsma-node-receive.service.d/low-port.conf",
    }


def test_a_dry_run_changes_nothing(require_tool: RequireTool, tmp_path: Path) -> None:
    require_tool("systemctl")
    done = run("install.sh", "--root", tmp_path, "--no-packages", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would run: install" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_uninstall_leaves_settings_and_state(root: Path) -> None:
    (root / "var/lib/ctsma-node/ledger.sqlite3").write_bytes(b"state")
    assert run("uninstall.sh", "--root", root).returncode == 0
    left = set(contents(root))
    assert {"etc/ctsma-node/node.toml", "var/lib/ctsma-node/ledger.sqlite3"} <= left
    assert not [name for name in left if "systemd" in name or name.startswith("usr/")]


def test_uninstall_with_purge_leaves_nothing(root: Path) -> None:
    (root / "var/lib/ctsma-node/ledger.sqlite3").write_bytes(b"state")
    assert run("uninstall.sh", "--root", root, "--purge").returncode == 0
    assert [path for path in root.rglob("*") if path.name.startswith("ctsma-node")] == []
    for accounts in (root / "etc").glob("passwd"):
        assert "ctsma-node" not in accounts.read_text()


def test_uninstall_twice_is_no_error(root: Path) -> None:
    assert run("uninstall.sh", "--root", root, "--purge").returncode == 0
    assert run("uninstall.sh", "--root", root, "--purge").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-such"], "no such option: --no-such"),
        (["--torch"], "--torch needs a value"),
        (["--root", "/tmp"], "--root needs --no-packages"),
        (["--root", "/no/such/folder", "--no-packages"], "is not a folder"),
        (["--dry-run", "--python", "no-such-python"], "no-such-python is missing"),
        (["--dry-run", "--wheelhouse", "/no/such/folder"], "--wheelhouse is not a folder"),
    ],
)
def test_what_is_wrong_is_said_before_anything_changes(
    require_tool: RequireTool, arguments: list[str], said: str
) -> None:
    require_tool("systemd-sysusers")
    done = run("install.sh", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh", "make-wheelhouse.sh"])
def test_help_names_every_option(script: str) -> None:
    text = (DEPLOY / script).read_text(encoding="utf-8")
    helped = run(script, "--help")
    assert helped.returncode == 0
    cases = [line.strip() for line in text.splitlines() if line.strip().startswith("--")]
    options = {word for line in cases if ")" in line for word in line.split(")")[0].split(" | ")}
    assert options
    assert [each for each in options - {"-h"} if each not in helped.stdout] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path, require_tool: RequireTool) -> None:
    done = subprocess.run([require_tool("shellcheck"), script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_wheelhouse_and_the_installer_take_the_torch_of_the_makefile() -> None:
    pinned = next(
        line.removeprefix("TORCH ?= ")
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line.startswith("TORCH ?=")
    )
    for script in ("install.sh", "make-wheelhouse.sh"):
        assert f"torch='{pinned}'" in (DEPLOY / script).read_text(encoding="utf-8")
