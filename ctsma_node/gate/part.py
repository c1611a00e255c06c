"""Whether a series says that it is of another part of the body: no reason to refuse it, only for silence."""

from __future__ import annotations

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.series import Series

_NAMES = """
HEAD SKULL BRAIN FACE ORBIT SINUS JAW NECK HEADNECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV
CSPINE CTSPINE TSPINE TLSPINE LSPINE LSSPINE SSPINE SPINE COCCYX CHEST THORAX LUNG RIB STERNUM HEART
AORTA BREAST CHESTABDOMEN CHESTABDPELVIS ABDOMEN ABDOMENPELVIS LIVER KIDNEY PANCREAS COLON BLADDER
PROSTATE PELVIS SIJOINT SCAPULA CLAVICLE SHOULDER HUMERUS ARM ELBOW FOREARM RADIUS WRIST HAND FINGER
THUMB HIP ANKLE CALCANEUS FOOT TOE
"""
_ELSEWHERE = frozenset(_NAMES.split())
"""Of the defined terms of Body Part Examined (PS3.16 Annex L) those that no knee comes under."""


def of_another_part(series: Series) -> bool:
    """Whether Body Part Examined (0018,0015) names a part without a knee in every instance."""
    named = {text(ds, "BodyPartExamined").upper().replace(" ", "").replace("_", "") for ds in series.headers}
    return bool(named) and named <= _ELSEWHERE
