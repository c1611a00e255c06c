"""`cohort.json`: what was paired, what was left out and why. The models are the documentation of the file.

No name, birth date, Patient ID or date is in it, except as far as the archive's own paths and UIDs hold one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctsma_node.errors import SettingsError
from trainer.cohort.settings import CohortSettings

MANIFEST, TABLE, SCHEMA = "cohort.json", "cohort.csv", "cohort.schema.json"
Matrix = tuple[tuple[float, ...], ...]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SeriesEntry(_Frozen):
    """One series of a pair."""

    modality: Literal["CT", "MR"]
    source: Literal["dicom", "nifti"]
    folder: str
    """Folder of all files, relative to the archive, with forward slashes; "" for the archive itself."""
    files: tuple[str, ...]
    """Files relative to `folder`, in the order of the slices (k)."""
    size: tuple[int, int, int]
    """Voxels along i (a row), j (a column) and k (the slices)."""
    spacing_mm: tuple[float, float, float]
    """Between voxel centres along i, j, k."""
    affine: Matrix
    """Index (i, j, k, 1) of a voxel's centre to LPS mm, 4 x 4."""
    shows: Literal["", "R", "L", "B"] = ""
    """The knee in it; B: both; "": not said."""
    series_uid: str = ""
    """Series Instance UID (0020,000E); "" for NIfTI."""
    study_uid: str = ""
    """Study Instance UID (0020,000D)."""
    frame_of_reference_uid: str = ""
    """Frame of Reference UID (0020,0052)."""
    kernel: str = ""
    """Convolution Kernel (0018,1210) of a CT."""
    sequence: Literal["", "name", "values"] = ""
    """What told that an MR is balanced."""
    sha256: str = ""
    """Digest of a NIfTI file, which has no UIDs; "" for DICOM, and of a manifest that was made without."""

    def paths(self, archive: Path) -> list[Path]:
        """The files below an archive's root."""
        return [archive / self.folder / name for name in self.files]


class ClinicalEntry(_Frozen):
    """The knee's row of the clinical table; null: not known."""

    kl: int | None
    """Kellgren-Lawrence grade, 0 to 4."""
    moaks_cartilage: dict[str, float | None]
    """MOAKS cartilage scores by subregion, 0 to 6."""
    age: float | None
    """Years."""
    sex: Literal["F", "M", "O"] | None
    bmi: float | None
    """kg/m2."""


class PairEntry(_Frozen):
    """CT and MR of one knee."""

    pair_id: str
    """Pseudonym and side, such as 3K7QX0M2ZA-R."""
    pseudonym: str
    """The patient's; all pairs of one patient have the same."""
    side: Literal["R", "L"]
    side_source: dict[str, str]
    """Where the side of `ct` and of `mr` was read: header, folder, table, or what else told it."""
    fold: int
    """0 to folds - 1; the same for all pairs of a patient."""
    oa_class: Literal["", "normal", "mild", "advanced"]
    """KL 0, 1-2, 3-4; "" where the grade is unknown."""
    days: int | None
    """From the CT to the MR; negative where the MR came first; null where a date is unknown."""
    ct: SeriesEntry
    mr: SeriesEntry
    ct_alternatives: tuple[SeriesEntry, ...] = ()
    """Other reconstructions of the same CT study and frame of reference."""
    mr_alternatives: tuple[SeriesEntry, ...] = ()
    clinical: ClinicalEntry | None


class FindingEntry(_Frozen):
    """A file, series, patient or row that was left out or remarked on."""

    code: str
    """Stable; see trainer/cohort/codes.py."""
    path: str
    """Relative to the archive; of a series its first file."""
    text: str
    pseudonym: str = ""
    series_uid: str = ""


class CohortManifest(_Frozen):
    """The whole file; equal archives, tables, settings, secrets and earlier folds give equal bytes."""

    format: Literal[1] = 1
    settings: CohortSettings
    clinical_sha256: str = ""
    """Digest of the clinical table; "" without one."""
    ids_kept: bool = False
    """Whether the pseudonyms are the archive's own Patient IDs."""
    pairs: tuple[PairEntry, ...]
    """In the order of their ids."""
    left_out: tuple[FindingEntry, ...]
    """Not used."""
    remarks: tuple[FindingEntry, ...]
    """Used, and worth knowing."""
    namesakes: tuple[tuple[str, ...], ...] = Field(default=())
    """Pseudonyms of patients whom only their ID tells apart; they share a fold."""
    folds: dict[str, int] = Field(default={})
    """Folds of all patients that ever had a pair here: who comes back, as after a run on an archive that was
    not mounted, comes back into the same fold."""
    drawn: bool = False
    """Whether every pair is proven to be of `ctsma-train phantom`; where not, they count as patients."""


def sources_of(pair: PairEntry) -> dict[str, str]:
    """Side and scans of a pair, as what is made of it keeps them: made of others, it is made anew.

    NIfTI has no UIDs, only files: their names as a digest, for they may be a patient's, and what is in them,
    for another image may have come under the same name.
    """
    series = {"ct": pair.ct, "mr": pair.mr}
    uids = {f"{name}_series_uid": each.series_uid for name, each in series.items()}
    files = {f"{name}_files": _digest([each.folder, *each.files]) for name, each in series.items()}
    digests = {f"{name}_sha256": each.sha256 for name, each in series.items()}
    known = {name: digest for name, digest in digests.items() if digest}
    return {"side": pair.side, **uids, **files, **known}


def _digest(names: list[str]) -> str:
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def read_manifest(folder: Path) -> CohortManifest:
    """Read `cohort.json` of a folder. Raises SettingsError where there is none or it is another form."""
    path = folder / MANIFEST
    try:
        return CohortManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it with: ctsma-train cohort") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(
            f"{path}: {where}: {first['msg']}; make it anew with: ctsma-train cohort"
        ) from error
