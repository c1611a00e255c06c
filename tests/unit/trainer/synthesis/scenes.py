"""Small pairs: two bones in soft tissue, bright in the CT, grey with a dark rim in the MR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.cohort.manifest import PairEntry, SeriesEntry
from trainer.synthesis.batches import Pair
from trainer.synthesis.settings import Method, SynthesisSettings, Weights

PIXELS, SLICES = 32, 6


def settings(method: Method = Method.SPSNET, **changes: object) -> SynthesisSettings:
    weights = Weights(information_to_ct=2.0, information_to_mr=0.3) if method is Method.SPSNET else Weights()
    sizes = {
        "width": 4,
        "blocks": 1,
        "pixels": PIXELS,
        "batch": 2,
        "steps": 8,
        "pool": 3,
        "edge_steps": 3,
        "sampled": 512,
    }
    return SynthesisSettings(**{"method": method, "weights": weights, **sizes, **changes})  # type: ignore[arg-type]


def pair(number: int = 0, fold: int = 0) -> Pair:
    rng = np.random.default_rng(number)
    labels = drawn_labels(rng.uniform(-2.0, 2.0, 2))
    noise = rng.normal(0.0, 0.03, (2, *labels.shape))
    body = np.zeros(labels.shape, dtype=bool)
    body[:, 2:-2, 3:-3] = True
    ct = np.where(labels > 0, 0.3, -0.6) + noise[0]
    mr = np.where(labels > 0, 0.1, 0.6) + noise[1]
    images = [np.where(body, np.clip(each, -0.99, 1.0), -1.0).astype(np.float16) for each in (mr, ct)]
    return Pair(f"P{number}-R", fold, images[0], images[1], labels, np.eye(4))


def entry(pair_id: str, study: str = "") -> PairEntry:
    """A pair as cohort.json names it; `study` is the CT's."""
    series = {
        name: SeriesEntry(
            modality=name,
            source="dicom",
            folder="",
            files=(f"{pair_id}-{name}",),
            size=(1, 1, 1),
            spacing_mm=(1.0, 1.0, 1.0),
            affine=((1.0,),),
            study_uid=study if name == "CT" else "",
        )
        for name in ("CT", "MR")
    }
    return PairEntry(
        pair_id=pair_id,
        pseudonym=pair_id[:-2],
        side="R" if pair_id.endswith("R") else "L",
        side_source={},
        fold=0,
        oa_class="",
        days=None,
        ct=series["CT"],
        mr=series["MR"],
        clinical=None,
    )


def drawn_labels(shift: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """A femur (1) above a tibia (2)."""
    right, down = np.asarray(shift, dtype=np.float64)
    j, i = np.mgrid[:PIXELS, :PIXELS] - (PIXELS - 1) / 2.0
    femur = ((i - right) / 8.0) ** 2 + ((j - down + 7.0) / 5.5) ** 2 < 1.0
    tibia = ((i - right) / 6.5) ** 2 + ((j - down - 7.0) / 5.0) ** 2 < 1.0
    plane = (femur + 2 * tibia).astype(np.uint8)
    return np.repeat(plane[None], SLICES, axis=0)


def save(item: Pair, path: Path) -> Path:
    """As `slice_item` gives it, kept."""
    np.savez(
        path,
        pair_id=item.pair_id,
        fold=item.fold,
        mr=item.mr,
        ct=item.ct,
        labels=item.labels,
        affine=item.affine,
    )
    return path
