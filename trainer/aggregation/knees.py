"""What aggregators learn from: knees as the parameters of their 200 subregions, measured or drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone, CartilageRegion, OAClass, Parameter, Side
from trainer.aggregation.errors import ErrorLaw
from trainer.evaluation.regression.predictions import Predictions, patient_of
from trainer.patches.store import PatchStore, store_below

F64 = npt.NDArray[np.float64]
_TOKENS = len(Bone) * SUBREGIONS_PER_BONE


@dataclass(frozen=True, eq=False)
class Knees:
    """n knees; subregions 1 to 100 of the femur, then of the tibia.

    Of a `measured` knee `parameters` are what a student (or a teacher) answered; of the others they are the
    truth, and `seen` adds a student's errors. Axes of `positions` are k, j, i of the canonical grid.
    """

    parameters: F64  # (n, 200, 4) in the order of `Parameter`
    positions: F64  # (n, 200, 3) mm, from any origin
    oa_class: npt.NDArray[np.int64]  # (n,) numbers into OAClass
    cartilage: F64  # (n, 5) MOAKS in the order of CartilageRegion
    measured: npt.NDArray[np.bool_]  # (n,)
    fold: npt.NDArray[np.int64]  # (n,) -1 where there is none
    name: npt.NDArray[np.str_]  # (n,)

    def __len__(self) -> int:
        return len(self.oa_class)

    @property
    def person(self) -> npt.NDArray[np.int64]:
        """(n,) whose knee each is: people numbered as they first come, both knees of one alike."""
        people = [patient_of(name) for name in self.name.tolist()]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(people))}
        return np.array([numbers[name] for name in people], dtype=np.int64)

    def at(self, rows: Any) -> Knees:
        """Some of them."""
        return Knees(**{each.name: getattr(self, each.name)[rows] for each in fields(Knees)})

    def seen(self, law: ErrorLaw | None, rng: np.random.Generator) -> F64:
        """Parameters (n, 200, 4) as the student would give them; those of drawn knees differ each time."""
        out = self.parameters.copy()
        drawn = ~self.measured
        if law is not None and drawn.any():
            out[drawn] = law.draw(self.parameters[drawn], rng)
        return out


_NOBODY = Knees(
    parameters=np.empty((0, _TOKENS, len(Parameter))),
    positions=np.empty((0, _TOKENS, 3)),
    oa_class=np.empty(0, dtype=np.int64),
    cartilage=np.empty((0, len(CartilageRegion))),
    measured=np.empty(0, dtype=bool),
    fold=np.empty(0, dtype=np.int64),
    name=np.empty(0, dtype=str),
)


def together(parts: Iterable[Knees]) -> Knees:
    """One set of all."""
    listed = list(parts)
    return Knees(
        **{f.name: np.concatenate([getattr(part, f.name) for part in listed]) for f in fields(Knees)}
    )


def drawn_knees(paths: list[Path]) -> Knees:
    """What `cohort.KneeParameters` made; a knee with a subregion without truth is left out."""
    items = [(dict(np.load(path)), path.stem) for path in paths]
    whole = [(item, name) for item, name in items if np.isfinite(item["truth"]).all()]
    n = len(whole)
    return Knees(
        parameters=np.stack([item["truth"] for item, _ in whole]).astype(np.float64),
        positions=np.stack([item["positions"] for item, _ in whole]),
        oa_class=np.array([int(item["oa_class"]) for item, _ in whole]),
        cartilage=np.stack([item["cartilage"] for item, _ in whole]).astype(np.float64),
        measured=np.zeros(n, dtype=bool),
        fold=np.full(n, -1),
        name=np.array([name for _, name in whole]),
    )


def measured_knees(patches: Path, found: Predictions) -> Knees:
    """The pairs of a cohort with the answers of a method that never saw their patient.

    A subregion without an answer (no marrow to measure there) takes the mean of its bone. Pairs without a
    class or without cartilage scores are left out; `unstaged` names them.
    """
    store, parts = store_below(patches), [_NOBODY]
    for pair in np.unique(found.pair).tolist():
        about, mine = store.attributes(pair), found.pair == pair
        if _is_staged(about):
            answer = (found.subregion[mine], found.bone[mine], found.estimate[mine])
            parts.append(_measured(store, pair, about, *answer))
    return together(parts)


def unstaged(patches: Path) -> list[str]:
    """The pairs of a cohort that have no class or lack a cartilage score: they cannot teach staging."""
    store = store_below(patches)
    return [pair for pair in store.pairs if not _is_staged(store.attributes(pair))]


def _is_staged(about: dict[str, Any]) -> bool:
    return bool(about["oa_class"]) and None not in _scores(about)


def _scores(about: dict[str, Any]) -> list[float | None]:
    """By the clinical table, which a cohort may do without, as may a pair."""
    moaks = (about["clinical"] or {}).get("moaks_cartilage") or {}
    return [moaks.get(region.value.replace(" ", "_")) for region in CartilageRegion]


def _measured(
    store: PatchStore, pair: str, about: dict[str, Any], subregion: Any, bone: Any, estimate: Any
) -> Knees:
    read = store.read(pair, ["lps", "bone", "subregion"])
    places = np.full((_TOKENS, 3), np.nan)
    of = read["subregion"] > 0
    places[_token(read["subregion"], read["bone"])[of]] = canonical_places(
        read["lps"][of], Side(about["side"])
    )
    values = np.full((_TOKENS, estimate.shape[1]), np.nan)
    told = subregion > 0
    values[_token(subregion, bone)[told]] = estimate[told]
    return Knees(
        parameters=np.exp(_filled(np.log(np.maximum(values, 1e-3))))[None],
        positions=_filled(places)[None],
        oa_class=np.array([tuple(OAClass).index(OAClass(about["oa_class"]))]),
        cartilage=np.array([_scores(about)], dtype=np.float64),
        measured=np.ones(1, dtype=bool),
        fold=np.array([int(about["fold"])]),
        name=np.array([pair]),
    )


def _token(subregion: Any, bone: Any) -> Any:
    return bone.astype(int) * SUBREGIONS_PER_BONE + subregion.astype(int) - 1


def canonical_places(lps: Any, side: Side) -> F64:
    """Places (n, 3) mm along k, j, i of the canonical grid (lateral, inferior, posterior) from LPS ones."""
    across = -1.0 if side is Side.RIGHT else 1.0
    return np.stack([across * lps[:, 0], -lps[:, 2], lps[:, 1]], axis=1).astype(np.float64)


def _filled(values: F64) -> F64:
    """A subregion that is not known takes the mean of those of its bone that are."""
    out = values.reshape(len(Bone), SUBREGIONS_PER_BONE, -1).copy()
    means = np.nanmean(out, axis=1, keepdims=True)
    return np.where(np.isfinite(out), out, means).reshape(values.shape)
