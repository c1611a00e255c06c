"""The out-of-fold predictions of one method: the file that every method writes and the evaluation reads."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.features import LEAST_BONE
from ctsma_node.analysis.result import Parameter
from ctsma_node.errors import SettingsError

FILE = "predictions.npz"
PARAMETERS = tuple(Parameter)
"""The columns: BV/TV 1, Tb.Th mm, Tb.Sp mm, Tb.N 1/mm."""

F32 = npt.NDArray[np.float32]


def patient_of(pair: str) -> str:
    """The pseudonym in an id PSEUDONYM-SIDE; an id without a side is its own."""
    return pair.rpartition("-")[0] or pair


def labelled(label: npt.ArrayLike, ct_mask: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which patches of a pair count (n,): all four labels measured, a fifth of the CT patch in the mask."""
    mask = np.asarray(ct_mask)
    inside = mask.reshape(len(mask), -1).mean(axis=1)
    return np.asarray(np.isfinite(label).all(axis=1) & (inside >= LEAST_BONE))


@dataclass(frozen=True)
class Predictions:
    """What a method says of each labelled patch of a cohort, trained on the other folds' patients.

    Pairs come sorted by id, each one's patches in the store's order. Raises SettingsError where the arrays
    do not fit together.
    """

    estimate: F32
    """(n, 4), as PARAMETERS."""
    label: F32
    """(n, 4), what the MR says."""
    pair: npt.NDArray[np.str_]
    """(n,) id, PSEUDONYM-SIDE."""
    fold: npt.NDArray[np.int16]
    """(n,) the fold that was held out."""
    bone: npt.NDArray[np.uint8]
    """(n,) as the store has it: 0 femur, 1 tibia."""
    subregion: npt.NDArray[np.uint8]
    """(n,) as the store has it: 1 to 100; 0: drawn."""
    row: npt.NDArray[np.int32]
    """(n,) index in the pair's group."""
    low: F32 | None = None
    """(n, 4) lower bound of the 90 % interval."""
    high: F32 | None = None
    """(n, 4) its upper bound."""

    def __post_init__(self) -> None:
        for problem in (_shapes(self), _values(self), _order(self)):
            if problem:
                raise SettingsError(f"no valid predictions: {problem}")

    def __len__(self) -> int:
        return len(self.pair)

    @property
    def patient(self) -> npt.NDArray[np.str_]:
        """(n,) pseudonym: both knees of a person are one patient."""
        return np.array([patient_of(pair) for pair in self.pair.tolist()])

    @property
    def folds(self) -> list[int]:
        """The folds that occur, sorted."""
        return [int(fold) for fold in np.unique(self.fold)]


def write(folder: Path, predictions: Predictions) -> Path:
    """Write `folder`/predictions.npz, whole or not at all; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    part = path.with_suffix(f".{os.getpid()}.part.npz")
    arrays = {each.name: getattr(predictions, each.name) for each in fields(Predictions)}
    np.savez_compressed(part, **{name: array for name, array in arrays.items() if array is not None})
    part.rename(path)
    return path


def read(folder: Path) -> Predictions:
    """Read `folder`/predictions.npz. Raises SettingsError, with the path, where it is not what it must be."""
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {each.name: found[each.name] for each in fields(Predictions) if each.name in found}
        return Predictions(**arrays)
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is missing: let the method predict first") from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    except TypeError as error:
        needed = [each.name for each in fields(Predictions) if each.default is not None]
        missing = ", ".join(name for name in needed if name not in arrays)
        raise SettingsError(f"{path} lacks {missing}") from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def check_same_patches(first: Predictions, second: Predictions) -> None:
    """Raise SettingsError, naming what differs, unless both are of the same patches with the same labels."""
    if len(first) != len(second):
        few, many = sorted((first, second), key=len)
        absent = sorted(set(many.pair.tolist()) - set(few.pair.tolist()))
        pairs = f"; without {', '.join(absent[:5])}" if absent else ""
        raise SettingsError(f"{len(first)} patches are compared with {len(second)}{pairs}")
    for name in ("pair", "row", "fold", "bone", "subregion"):
        differs = np.flatnonzero(getattr(first, name) != getattr(second, name))
        if len(differs):
            raise SettingsError(f"{len(differs)} patches differ in {name}, first in {first.pair[differs[0]]}")
    differs = np.flatnonzero((first.label != second.label).any(axis=1))
    if len(differs):
        raise SettingsError(
            f"{len(differs)} patches have other labels, first in {first.pair[differs[0]]}: "
            "the methods were trained on different makings of the patches"
        )


_TYPES = {"fold": np.int16, "bone": np.uint8, "subregion": np.uint8, "row": np.int32}


def _shapes(given: Predictions) -> str:
    """What is wrong with shapes and types; "" where nothing is."""
    if given.pair.ndim != 1 or given.pair.dtype.kind != "U" or len(given.pair) == 0:
        return f"pair must be one or more names (n,), not {given.pair.shape} {given.pair.dtype}"
    if (given.low is None) != (given.high is None):
        return "low and high come together"
    for name, dtype in _TYPES.items():
        array = getattr(given, name)
        if array.shape != (len(given.pair),) or array.dtype != dtype:
            return f"{name} is {array.shape} {array.dtype}, not ({len(given.pair)},) {np.dtype(dtype)}"
    for name in ("estimate", "label", "low", "high"):
        array = getattr(given, name)
        if array is not None and (array.shape != (len(given.pair), 4) or array.dtype != np.float32):
            return f"{name} is {array.shape} {array.dtype}, not ({len(given.pair)}, 4) float32"
    return ""


def _values(given: Predictions) -> str:
    for name in ("estimate", "label", "low", "high"):
        array = getattr(given, name)
        if array is not None and not np.isfinite(array).all():
            at = given.pair[np.flatnonzero(~np.isfinite(array).all(axis=1))[0]]
            return f"{name} is not finite everywhere, first in {at}"
    if given.low is not None and given.high is not None and (given.low > given.high).any():
        at = given.pair[np.flatnonzero((given.low > given.high).any(axis=1))[0]]
        return f"low is above high, first in {at}"
    return ""


def _order(given: Predictions) -> str:
    same = given.pair[1:] == given.pair[:-1]
    if (given.pair[1:] < given.pair[:-1]).any():
        return "the pairs are not sorted by id"
    if (given.row[1:][same] <= given.row[:-1][same]).any():
        at = given.pair[1:][same][np.flatnonzero(given.row[1:][same] <= given.row[:-1][same])[0]]
        return f"the rows of {at} do not rise"
    folds: dict[str, int] = {}
    for patient, fold in zip(given.patient.tolist(), given.fold.tolist(), strict=True):
        if folds.setdefault(patient, fold) != fold:
            return f"{patient} lies in two folds"
    return ""
