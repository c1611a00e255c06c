"""Agreement of estimates with a reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pingouin


def icc21(estimate: Any, truth: Any) -> float:
    """ICC(2,1): two-way random effects, absolute agreement, single rater (Shrout and Fleiss 1979)."""
    n = len(estimate)
    table = pd.DataFrame(
        {
            "target": np.tile(np.arange(n), 2),
            "rater": np.repeat(["estimate", "truth"], n),
            "value": np.concatenate([estimate, truth]),
        }
    )
    result = pingouin.intraclass_corr(table, targets="target", raters="rater", ratings="value")
    row = result[result["Type"] == "ICC(A,1)"]
    return float(row["ICC"].iloc[0])
