"""Writes the software bill of materials of a node: `make sbom` -> dist/sbom.cdx.json (CycloneDX 1.6, JSON).

Components are what requirements/node.txt locks, with every hash that the lock accepts, the licence that the
installed package declares, and who requires whom. torch is in no lock, for sites choose its build: it stands
there with the version that is installed. The same lock and packages give the same bytes: no time, no random
serial number.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata, requires, version
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
UNLOCKED = ("torch",)
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ \\;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """A line of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]  # sha256 of each file that may be installed


def pins(lock: str) -> Iterator[Pin]:
    """What a lock pins, in its order."""
    for line in lock.replace("\\\n", " ").splitlines():
        if (found := _PIN.match(line)) is not None:
            yield Pin(canonicalize_name(found["name"]), found["version"], tuple(_HASH.findall(line)))


def bill(lock: str) -> Bom:
    """The bill of a lock. Raises SystemExit where a package is not installed as it is locked."""
    locked = [*pins(lock), *(Pin(name, _installed(name), ()) for name in UNLOCKED)]
    components = {pin.name: _component(pin) for pin in locked}
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    project = Component(
        type=ComponentType.APPLICATION,
        name=about["name"],
        version=_own_version(),
        bom_ref=about["name"],
        licenses=[LicenseFactory().make_from_string(about["license"])],
    )
    digest = hashlib.sha256(lock.encode()).hexdigest()
    bom = Bom(components=components.values(), serial_number=uuid.uuid5(uuid.NAMESPACE_URL, digest))
    bom.metadata.component = project
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the bytes depend on the packages alone
    bom.register_dependency(project, [components[each] for each in _names(about["dependencies"])])
    for name, component in components.items():
        needed = _names(requires(name) or ())
        bom.register_dependency(component, [components[each] for each in needed if each in components])
    return bom


def _component(pin: Pin) -> Component:
    if _installed(pin.name) != pin.version and pin.hashes:
        raise SystemExit(f"{pin.name} {pin.version} is locked, {_installed(pin.name)} is installed")
    purl = PackageURL("pypi", None, pin.name, pin.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/simple/{pin.name}/"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in pin.hashes],
    )
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        purl=purl,
        bom_ref=str(purl),
        licenses=_licences(metadata(pin.name)),
        external_references=[files] if pin.hashes else [],
    )


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        raise SystemExit(
            f"{name} is not installed: its licence cannot be told (make sbom installs it)"
        ) from None


def _licences(found: PackageMetadata) -> list[object]:
    """What a package declares: an expression (PEP 639), else its classifiers, else the text of its field."""
    factory = LicenseFactory()
    fields = found.json
    expression = fields.get("license_expression")
    if isinstance(expression, str):
        return [factory.make_from_string(expression)]
    names = [
        each.rpartition(" :: ")[2]
        for each in fields.get("classifier", [])
        if each.startswith("License :: ") and each.count(" :: ") > 1
    ]
    text = str(fields.get("license", "")).strip().partition("\n")[0]
    return [factory.make_from_string(each) for each in names or ([text] if text else [])]


def _own_version() -> str:
    text = (ROOT / "ctsma_node" / "__init__.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def _names(requirements: Iterable[str]) -> list[str]:
    """The packages that are required here, without any extra."""
    found = [Requirement(each) for each in requirements]
    wanted = [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]
    return sorted({canonicalize_name(each.name) for each in wanted})


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the bill."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements" / "node.txt")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "sbom.cdx.json")
    options = parser.parse_args(arguments)
    text = JsonV1Dot6(bill(options.lock.read_text(encoding="utf-8"))).output_as_string(indent=1)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
