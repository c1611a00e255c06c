"""A written set, and copies of it with a fault planted in one of the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import config, dcmread
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.report import ReportObject, write_object
from ctsma_node.validation import Finding, check_set

EditBytes = Callable[[bytes], bytes]
EditDataset = Callable[[Dataset], None]


@dataclass(frozen=True)
class Written:
    """Files of a set by kind, in the order of sending, and the headers it was made from."""

    files: dict[str, tuple[Path, ...]]
    headers: tuple[Dataset, ...]

    @classmethod
    def of(cls, objects: Sequence[ReportObject], folder: Path, headers: Sequence[Dataset]) -> Written:
        files: dict[str, list[Path]] = {}
        for obj in objects:
            write_object(obj, folder / obj.file_name)
            files.setdefault(obj.kind, []).append(folder / obj.file_name)
        return cls({kind: tuple(paths) for kind, paths in files.items()}, tuple(headers))

    def paths(self, *kinds: str) -> list[Path]:
        """The files of these kinds; of all where none is named."""
        return [path for kind, paths in self.files.items() if not kinds or kind in kinds for path in paths]

    def with_bytes(self, path: Path, edit: EditBytes, folder: Path) -> Path:
        """A copy of a file, its bytes changed."""
        before = path.read_bytes()
        after = edit(before)
        assert after != before, "the fault was not planted"
        copy = folder / path.name
        copy.write_bytes(after)
        return copy

    def with_dataset(self, path: Path, edit: EditDataset, folder: Path) -> Path:
        """A copy of a file, its dataset changed; pydicom writes whatever it is told."""
        ds = dcmread(path)
        edit(ds)
        copy = folder / path.name
        ds.save_as(copy, enforce_file_format=False)
        assert copy.read_bytes() != path.read_bytes(), "the fault was not planted"
        return copy


def set_attributes(**values: object) -> EditDataset:
    """Set attributes by keyword, unchecked; None deletes."""

    def edit(ds: Dataset) -> None:
        for keyword, value in values.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)

    return edit


def replaced(old: bytes, new: bytes, count: int = 1) -> EditBytes:
    """Replace the first occurrences of some bytes."""
    return lambda content: content.replace(old, new, count)


def findings_of(
    paths: Sequence[Path], written: Written, result: AnalysisResult | None
) -> tuple[Finding, ...]:
    """What the checks of a set find."""
    return check_set(paths, result, written.headers)


def codes(findings: Sequence[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def unchecked() -> None:
    """Let pydicom write values that break the rules."""
    config.settings.writing_validation_mode = config.IGNORE
