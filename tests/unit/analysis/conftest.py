"""A small untrained bundle, written through the code that writes real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctsma_node.analysis.bundle import empty_networks, write_bundle
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.analysis.plan import AggregatorPlan, Plan, StudentPlan

FOUR = (1.0, 1.0, 1.0, 1.0)
FIVE = (1.0,) * 5


def small_plan(**changes: object) -> Plan:
    rng = np.random.default_rng(0)
    template = tuple((float(a), float(b), float(c)) for a, b, c in rng.uniform(-1, 1, (100, 3)))
    plan = Plan(
        name="small",
        version="0",
        training="nothing",
        research_only=True,
        finder_width=4,
        finder_step=4.0,
        segmenter_width=4,
        student=StudentPlan(
            width=2,
            landmarks=5,
            context=CONTEXT,
            log_mean=FOUR,
            log_sd=FOUR,
            sd_factor=FOUR,
            low=FOUR,
            high=FOUR,
        ),
        aggregator=AggregatorPlan(
            width=8,
            heads=2,
            layers=1,
            log_mean=FOUR,
            log_sd=FOUR,
            position_scale=50.0,
            temperature=1.0,
            score_mean=FIVE,
            score_sd=FIVE,
            score_error=FIVE,
        ),
        femur_template=template,
        tibia_template=template,
    )
    return plan.model_copy(update=changes)


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    plan = small_plan()
    states = {name: network.state_dict() for name, network in empty_networks(plan).items()}
    write_bundle(tmp_path / "bundle", plan, states, "a card\n")
    return tmp_path / "bundle"
