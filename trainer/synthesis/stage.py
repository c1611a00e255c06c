"""The stage `synthesis`: a cohort's pairs to slices, slices to a trained system."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from ctsma_node.analysis.bundle import read_bundle
from ctsma_node.errors import SettingsError
from trainer.cohort.manifest import MANIFEST as COHORT
from trainer.cohort.manifest import read_manifest
from trainer.fabric import launched
from trainer.stage import make_items, write_manifest
from trainer.synthesis.batches import Batches, Pair, read_pairs
from trainer.synthesis.edge_training import kept_edges
from trainer.synthesis.figures import figures_of
from trainer.synthesis.loop import train
from trainer.synthesis.pictures import comparison
from trainer.synthesis.seen import write_seen
from trainer.synthesis.settings import SynthesisSettings
from trainer.synthesis.slices import SliceRequest, forget_unread, slice_item
from trainer.synthesis.synthesise import Synthesiser
from trainer.synthesis.training import Training

EDGES, PICTURE = "edges.safetensors", "comparison.png"


@dataclass(frozen=True)
class SynthesisRequest:
    """What to train, on what, where to."""

    slices: SliceRequest
    settings: SynthesisSettings
    out: Path
    kept: Path
    """Folder in which slices of all methods are kept."""
    jobs: int = 1


@dataclass(frozen=True)
class Trained:
    """What came of it."""

    figures: dict[str, float]
    """Of the held-out pairs."""
    refused: dict[str, str]
    """Pair id and why it was not used."""
    used: int
    """Pairs trained on."""


def run(request: SynthesisRequest) -> Trained:
    """Prepare, train and measure; goes on where it was stopped. Under torchrun every process calls it."""
    fabric = launched(request.settings.precision)
    _check_held_out(request)
    request.out.mkdir(parents=True, exist_ok=True)
    with fabric.rank_zero_first():
        paths = prepared(request, again=fabric.is_global_zero)
    pairs, refused = read_pairs(paths)
    trained_on = [pair for pair in pairs if pair.fold not in request.settings.held_out]
    held_out = [pair for pair in pairs if pair.fold in request.settings.held_out]
    _check_any(trained_on, held_out, refused)
    if fabric.device.type == "cpu" and fabric.world_size == 1:
        torch.set_num_threads(request.jobs)
    with fabric.rank_zero_first():
        edges = kept_edges(trained_on, request.settings, request.out / EDGES)
    batches = Batches(trained_on, request.settings.batch, request.settings.seed)
    training = Training(fabric, request.settings, batches, edges)
    train(training, request.out, held_out)
    figures = _finish(training, request, trained_on, held_out) if fabric.is_global_zero else {}
    fabric.barrier()
    return Trained(figures, refused, len(trained_on))


def _check_held_out(request: SynthesisRequest) -> None:
    """Raises SettingsError where a fold that is to be left out is nobody's: all would be trained on."""
    folds = sorted({pair.fold for pair in read_manifest(request.slices.cohort).pairs})
    none = sorted(set(request.settings.held_out) - set(folds))
    if folds and none:
        raise SettingsError(
            f"no pair is of fold {', '.join(map(str, none))}, which is to be held out: the cohort has the "
            f"folds {', '.join(map(str, folds))}; -1 trains on all"
        )


def _check_any(trained_on: list[Pair], held_out: list[Pair], refused: dict[str, str]) -> None:
    """Raises SettingsError where no pair is left to train on; it tells why."""
    if trained_on:
        return
    why = [f"{count} x {reason}" for reason, count in Counter(refused.values()).most_common()]
    raise SettingsError(
        f"no pair to train on: {len(held_out)} of the folds left out, {len(refused)} refused: "
        + ("; ".join(why) or "none")
    )


def prepared(request: SynthesisRequest, again: bool) -> list[Path]:
    """The slice items of every pair of the cohort, made where they are missing.

    With `again` those that could not be read are made again; of several processes one alone asks for that.
    Their folder is named after the cohort's manifest, the grid and the bundle's digest: another cohort gets
    another one.
    """
    wanted = request.slices
    pairs = read_manifest(wanted.cohort).pairs
    made_by = repr((wanted.grid, read_bundle(wanted.bundle).digest))
    content = (wanted.cohort / COHORT).read_bytes() + made_by.encode()
    folder = request.kept / hashlib.sha256(content).hexdigest()[:12]
    if again:
        forget_unread(folder)
    making = partial(slice_item, wanted)
    return make_items("slices of pairs", making, range(len(pairs)), folder, request.jobs)


def _finish(
    training: Training, request: SynthesisRequest, trained_on: list[Pair], held_out: list[Pair]
) -> dict[str, float]:
    """Weights, whom they have seen, and figures and a picture of the held-out pairs."""
    settings = request.settings
    used = {pair.pair_id for pair in trained_on}
    entries = read_manifest(request.slices.cohort).pairs
    write_seen(request.out, (entry for entry in entries if entry.pair_id in used))
    synthesiser = Synthesiser(training.plain_translators.eval(), settings, training.fabric.device)
    synthesiser.save(request.out)
    figures = figures_of(held_out, synthesiser)
    if held_out:
        comparison(held_out, {str(settings.method): synthesiser}, request.out / PICTURE)
    write_manifest(
        request.out,
        asdict(settings) | {"figures": figures},
        inputs=[request.slices.cohort / COHORT],
    )
    return figures
