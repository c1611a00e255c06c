"""A bundle of which any one bit has changed is refused, wherever it lies: seeded, in every file."""

from __future__ import annotations

import random
import shutil
import struct
from pathlib import Path

import pytest

from ctsma_node.analysis.bundle import CARD, MANIFEST, read_bundle
from ctsma_node.analysis.plan import DEFAULT, PLAN
from ctsma_node.errors import BundleError

FILES = sorted(path.name for path in DEFAULT.iterdir() if path.is_file())
EACH = 12  # places of a class


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(DEFAULT, tmp_path_factory.mktemp("flips") / "bundle")


def classes(name: str, content: bytes) -> list[range]:
    """Positions by what they mean: of safetensors the length of the header, it, tensors and their end."""
    if not name.endswith(".safetensors"):
        return [range(len(content))]
    header = 8 + struct.unpack_from("<Q", content)[0]
    ends = range(len(content) - 8, len(content))
    return [range(8), range(8, header), range(header, len(content)), ends]


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused(copy: Path, name: str) -> None:
    content, path = (DEFAULT / name).read_bytes(), copy / name
    chosen = random.Random(name)
    places = [place for each in classes(name, content) for place in chosen.choices(each, k=EACH)]
    if name == MANIFEST:
        places = list(range(len(content)))  # what vouches for the others, at every place
    try:
        for place in places:
            altered = bytearray(content)
            altered[place] ^= 1 << chosen.randrange(8)
            path.write_bytes(altered)
            with pytest.raises(BundleError):
                read_bundle(copy)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_longer_or_shorter_is_refused(copy: Path, name: str) -> None:
    content, path = (DEFAULT / name).read_bytes(), copy / name
    try:
        for altered in (content[:-3], b"", content + b"0"):
            path.write_bytes(altered)
            with pytest.raises(BundleError):
                read_bundle(copy)
    finally:
        path.write_bytes(content)


def test_the_copy_is_whole_and_every_file_was_flipped(copy: Path) -> None:
    assert read_bundle(copy).digest == read_bundle().digest
    assert {MANIFEST, PLAN, CARD} < set(FILES)
