"""One pair to patches: the CT analysed as the node does, the MR measured at the same places."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ctsma_node.analysis.grid import AIR, canonical, canonical_affine
from ctsma_node.analysis.patches import cut, noise_context
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, KneeResult, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume
from trainer.morphometry.calibration import Calibration
from trainer.morphometry.labels import fit_reference, label_patches
from trainer.mr import MRVolume
from trainer.patches.mr_patches import cut_mask, cut_mr, on_mr
from trainer.patches.native import cut_native
from trainer.patches.protocols import F32, PROTOCOLS, drawn_protocols, on_grid
from trainer.patches.shifted import shifted
from trainer.patches.sites import Sites, sites_of
from trainer.patches.transforms import Transforms

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Sampling:
    """How many points are drawn in each bone beside its 100 subregions, and from what seed."""

    drawn: int = 50
    seed: int = 0
    protocols: bool = True
    """Whether the CT is shown as other protocols would have left it, too."""
    native: bool = False
    """Whether the CT is cut at its own resolution, too."""


def label_pair(
    ct: CTVolume,
    mr: MRVolume,
    side: Side,
    transforms: Transforms,
    analyser: Analyser,
    sampling: Sampling,
    calibration: Calibration | None = None,
) -> Arrays:
    """Named arrays of n patches, as store.ARRAYS describes them; sites outside the MR are left out.

    The MR's labels are calibrated by the calibration that ships where no other is given.

    Raises Refused where the node would not analyse the CT, or sees no knee of that side in it.
    """
    knee = _knee(analyser, ct, side)
    rng = np.random.default_rng((sampling.seed, list(Side).index(side)))
    hu = canonical(knee.hu, knee.side)
    bone_mask = canonical(knee.bone_labels > 0, knee.side)
    seen = _Seen(ct, hu, canonical_affine(knee.affine, knee.side))
    if sampling.protocols:
        seen = replace(seen, others=_others(ct, knee, sampling.seed))
    parts = []
    for bone in Bone:
        sites = sites_of(knee, bone, sampling.drawn, rng)
        parts.append(_of_bone(sites, seen, mr, transforms[bone], sampling, calibration))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined["context"] = noise_context(hu, bone_mask)
    if sampling.protocols:
        contexts = [noise_context(each, bone_mask) for each in seen.others]
        joined["protocol_contexts"] = np.array(contexts, dtype=np.float32)
    return joined


@dataclass(frozen=True, eq=False)
class _Seen:
    """A knee's CT: as scanned, on the canonical grid, and there as other protocols would have it."""

    ct: CTVolume
    hu: F32
    to_lps: Array
    others: tuple[F32, ...] = ()


def _others(ct: CTVolume, knee: KneeResult, seed: int) -> tuple[F32, ...]:
    own = _own_seed(ct, seed)
    noise = zlib.crc32(knee.side.value.encode(), own)
    return tuple(
        canonical(on_grid(ct, protocol, knee.affine, knee.bone_labels > 0, noise + n), knee.side)
        for n, protocol in enumerate(PROTOCOLS + drawn_protocols(own))
    )


def _own_seed(ct: CTVolume, seed: int) -> int:
    """Each CT draws other protocols and other noise, the same whenever it is read."""
    return zlib.crc32(ct.hu[:: max(len(ct.hu) // 8, 1)].tobytes(), seed)


def _knee(analyser: Analyser, ct: CTVolume, side: Side) -> KneeResult:
    """The knee of that side; a CT may show both."""
    knees = analyser.analyse(ct, stated_side=side).knees
    found = [knee for knee in knees if knee.side is side]
    if not found:
        raise Refused("other_side", f"the CT shows no {side} knee")
    return found[0]


def _of_bone(
    sites: Sites,
    seen: _Seen,
    mr: MRVolume,
    ct_to_mr: Array,
    sampling: Sampling,
    calibration: Calibration | None,
) -> Arrays:
    to_mr = np.asarray(ct_to_mr @ seen.to_lps)
    signal, covered = cut_mr(mr, sites.centres, to_mr)
    centres = sites.centres[covered]
    at = sites.lps[covered] @ ct_to_mr[:3, :3].T + ct_to_mr[:3, 3]
    region = on_mr(sites.measured, mr, to_mr)
    reference = fit_reference(mr, region, calibration)
    label = partial(label_patches, mr, reference, region=region, calibration=calibration)
    labels, beside = label(at), label(shifted(at, sampling.seed).reshape(-1, 3))
    n = len(centres)
    arrays = {
        "ct": cut(seen.hu, centres, AIR).astype(np.float16),
        "ct_mask": cut(sites.inside, centres, 0.0) > 0,
        "mr": signal[covered],
        "mr_mask": cut_mask(sites.inside, centres),
        "mr_marrow": reference.marrow_at(at).astype(np.float32),
        "label": labels.calibrated.astype(np.float32),
        "apparent": labels.apparent.astype(np.float32),
        "cover": labels.cover.astype(np.float32),
        "lps": sites.lps[covered],
        "mr_lps": at,
        "bone": np.full(n, list(Bone).index(sites.bone), dtype=np.uint8),
        "subregion": sites.subregion[covered],
        "shifted_label": beside.calibrated.astype(np.float32).reshape(n, -1, 4),
    }
    if seen.others:
        cuts = [cut(other, centres, AIR).astype(np.float16) for other in seen.others]
        arrays["ct_protocols"] = np.stack(cuts, axis=1)
    if sampling.native:
        arrays["ct_native"] = cut_native(seen.ct, centres, seen.to_lps)
    return arrays
