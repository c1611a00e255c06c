"""What the demonstration shows: the numbers that came back, beside the truth."""

from __future__ import annotations

from rich.table import Table

from ctsma_node.analysis.result import UNITS, Bone, CartilageRegion, Parameter
from ctsma_node.cli.terminal import out
from ctsma_node.demo.phantom import KneeTruth
from ctsma_node.demo.returned import KneeReturned
from ctsma_node.demo.run import Demonstration


def show(shown: Demonstration) -> None:
    """Print the tables of each knee and where everything lies."""
    truth = {knee.side: knee for knee in shown.truth}
    for knee in shown.returned:
        if knee.side in truth:
            out.print(_parameters(knee, truth[knee.side]))
            out.print(_conclusions(knee, truth[knee.side]))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(shown.objects.items()))
    out.print(f"Came back into the study, stored by {shown.pacs}: {counts}")
    out.print(", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in shown.seconds.items()))
    places = {
        "picture": shown.picture,
        "DICOM objects": shown.folder / "results",
        "the node's settings and log": shown.folder / "node",
    }
    for what, where in places.items():
        out.print(f"{what}: {where}", soft_wrap=True)
    out.print(
        "[b]Research use only.[/b] The knee is synthetic, and so are those the networks were trained on."
    )


def _parameters(knee: KneeReturned, truth: KneeTruth) -> Table:
    table = Table("bone", "parameter", title=f"Knee {knee.side}: means over each bone")
    for heading in ("measured", "truth", "difference"):
        table.add_column(heading, justify="right")
    for bone in Bone:
        for parameter in Parameter:
            measured, known = knee.mean[bone][parameter], truth.mean[bone][parameter]
            unit = "" if UNITS[parameter] == "1" else f" {UNITS[parameter]}"
            figures = (f"{measured:.3f}{unit}", f"{known:.3f}{unit}", f"{measured / known - 1:+.1%}")
            table.add_row(bone.value, parameter.value, *figures)
    return table


def _conclusions(knee: KneeReturned, truth: KneeTruth) -> Table:
    table = Table("conclusion", "measured", "truth", title=f"Knee {knee.side}: osteoarthritis")
    table.add_row(
        "class", f"{knee.oa_class} (P(OA) {knee.oa_probability:.2f})", f"{truth.oa_class} (KL {truth.grade})"
    )
    for region in CartilageRegion:
        table.add_row(f"MOAKS {region}", f"{knee.cartilage[region]:.1f}", f"{truth.cartilage[region]:.1f}")
    return table
