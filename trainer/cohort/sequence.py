"""Whether an MR is a balanced steady-state gradient echo, by the names of vendors and by its values.

Names: Philips BFFE, bTFE; Siemens TrueFISP (sequence name tfi), CISS; GE FIESTA; Hitachi BASG; Canon True
SSFP. Values (PS3.3 C.8.3.1): Scanning Sequence GR, Sequence Variant SS and not SP (spoiled), and an echo in
the middle of the repetition, which balanced gradients bring with them (the paper: TR / TE 10 / 5 ms).
"""

from __future__ import annotations

import re

from trainer.cohort.codes import refused
from trainer.cohort.instance import Header
from trainer.cohort.settings import CohortSettings

_BALANCED = re.compile(
    r"(?<![A-Z])(?:[23]D)?(?:"
    r"B[-_ ]?(?:FFE|TFE|SSFP|GRE)|BALANCED|TRUE?[-_ ]?(?:FISP|FI|SSFP)|TRUFI|FIESTA(?:-C)?|CISS|BASG|TFI\d?D?"
    r")(?![A-Z])"
)
_OTHER = re.compile(
    r"(?<![A-Z])(?:[23]D)?(?:"
    r"DESS|MEDIC|MERGE|FLASH|SPGR|FSPGR|VIBE|THRIVE|MPRAGE|PSIF|GRASS|TSE|FSE|SPACE|VISTA|CUBE|STIR|SPAIR|"
    r"M-?FFE|T1[-_ ]?FFE|T1W?|T2W?|PDW?|DIXON|SWI|EPI|DWI|UTE|ZTE|FISP"
    r")(?![A-Z0-9])"
)
_ECHO_SHARE = (0.4, 0.6)


def balanced(header: Header, settings: CohortSettings) -> bool:
    """True where a name says so, False where values alone do; raises Refused `other_sequence` otherwise."""
    named = " | ".join(value.upper() for _, value in header.sequence)
    other = set(header.scanning_sequence) & {"SE", "IR", "EP"}
    if other and "GR" not in header.scanning_sequence:
        raise refused("other_sequence", why=f"Scanning Sequence (0018,0020) is {'/'.join(sorted(other))}")
    if _BALANCED.search(named) or any(word.upper() in named for word in settings.mr_names):
        return True
    if _OTHER.search(named):
        raise refused("other_sequence", why="sequence, protocol or series name another one")
    _values(header)
    return False


def three_dimensional(header: Header, settings: CohortSettings) -> None:
    """A volume acquisition, where the header says which it is."""
    if header.acquisition_type == "2D" and not settings.allow_2d_mr:
        raise refused("two_dimensional")


def _values(header: Header) -> None:
    variant = set(header.sequence_variant)
    if "GR" not in header.scanning_sequence or "SS" not in variant or "SP" in variant:
        raise refused("other_sequence", why="no name of one, and not GR with SS (0018,0020; 0018,0021)")
    if header.echo_ms is None or not header.repetition_ms:
        raise refused("other_sequence", why="no name of one, and no echo and repetition time to judge by")
    share = header.echo_ms / header.repetition_ms
    if not _ECHO_SHARE[0] <= share <= _ECHO_SHARE[1]:
        raise refused("other_sequence", why=f"no name of one, and the echo stands at {share:.2f} of TR")
