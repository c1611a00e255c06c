"""What an earlier `analyse` left in a folder, and its removal: two patients' results never lie together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from ctsma_node.report import ALL_OBJECTS

OBJECTS, PICTURE, MEASUREMENTS = "dicom", "picture.png", "measurements.csv"
"""Where the results of a series lie in its folder."""

_OBJECT = re.compile(rf"(L|R|series)-\d+-({'|'.join(sorted(ALL_OBJECTS))})-\d{{3,}}\.dcm")


def series_folder(folder: Path, number: int) -> Path:
    """The folder of one of several series."""
    return folder / f"series-{number:03d}"


def remove_results(folder: Path, spared: Collection[Path]) -> int:
    """Remove the results of one series or several, by their names; what else lies there stays.

    Of the spared, which are what is to be analysed, none is removed. Returns how many files were.
    """
    kept = {path.resolve() for path in spared}
    found = [path for path in _results(folder) if path.resolve() not in kept]
    for path in found:
        path.unlink()
    return len(found)


def _results(folder: Path) -> Iterator[Path]:
    for each in (folder, *folder.glob("series-[0-9][0-9][0-9]*")):
        yield from (each / name for name in (PICTURE, MEASUREMENTS) if (each / name).is_file())
        yield from (path for path in each.glob(f"{OBJECTS}/*.dcm") if _OBJECT.fullmatch(path.name))
