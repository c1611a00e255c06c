"""Verdicts on right pairs and on pairs made wrong, as `ctsma-train register` gives them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ctsma_node.analysis.result import Bone, Side
from ctsma_node.errors import Refused
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import PairEntry
from trainer.evaluation.registration.request import EvaluationRequest
from trainer.evaluation.registration.scans import Scans, analyser_of
from trainer.evaluation.registration.wrong_pairs import IMPLANT, OTHER_PATIENT, made_wrong, with_implant
from trainer.mr import MRVolume
from trainer.registration.bonewise import KneePose, register
from trainer.registration.diagnosis import diagnosed
from trainer.registration.knee import CTKnee, knee_of
from trainer.registration.quality import Limits, Quality, Verdict, judge
from trainer.synthesis.overlap import mask_overlap


def verdict_if_wrong(
    scans: Scans, pair: PairEntry, other: PairEntry, wrong: str, request: EvaluationRequest
) -> dict[str, Any]:
    """The verdict on the pair made wrong."""
    if wrong == IMPLANT:
        ct = with_implant(read_ct(pair.ct, request.archive), scans.landmarks[Bone.FEMUR][0].mean(axis=0))
        try:
            knee = knee_of(ct, Side(pair.side), analyser_of(request.bundle))
        except Refused as refused:
            return {"verdict": Verdict.NOT_REGISTERED, "code": refused.code, "reason": refused.reason}
        return _verdict(knee, scans.mr, request)
    if wrong == OTHER_PATIENT:
        return _verdict(scans.knee, read_mr(other.mr, request.archive), request)
    return _verdict(scans.knee, made_wrong(scans.mr, wrong), request)


def _verdict(knee: CTKnee, mr: MRVolume, request: EvaluationRequest) -> dict[str, Any]:
    quality = quality_of(register(knee, mr), knee, mr, request)
    figures = {bone: asdict(each) for bone, each in quality.bones.items()}
    return {"verdict": quality.verdict, "code": quality.code, "reason": quality.reason, "bones": figures}


def quality_of(pose: KneePose, knee: CTKnee, mr: MRVolume, request: EvaluationRequest) -> Quality:
    """As `ctsma-train register` judges, with the first synthesis as third witness."""
    seen = None
    if request.syntheses:
        transforms = {bone: each.transform for bone, each in pose.bones.items()}
        seen = mask_overlap(request.syntheses[0], request.bundle, knee, mr, transforms)
    return diagnosed(judge(pose, Limits(), seen), pose, knee, mr, Limits())
