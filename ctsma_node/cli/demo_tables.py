"""What the demonstration shows: the numbers that came back, beside the truth."""

from __future__ import annotations

from rich.table import Table

from ctsma_node.analysis.result import UNITS, CartilageRegion
from ctsma_node.cli.terminal import out
from ctsma_node.demo.comparison import compare
from ctsma_node.demo.phantom import KneeTruth
from ctsma_node.demo.returned import KneeReturned
from ctsma_node.demo.run import Demonstration
from ctsma_node.report.texts import probability


def show(shown: Demonstration) -> None:
    """Print the tables of each knee and where everything lies."""
    truth = {knee.side: knee for knee in shown.truth}
    for knee in shown.returned:
        if knee.side in truth:
            out.print(_parameters(knee, truth[knee.side]))
            out.print(_conclusions(knee, truth[knee.side]))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(shown.objects.items()))
    out.print(f"Came back into the study, stored by {shown.pacs}: {counts}")
    out.print(_seconds(shown))
    out.print(_places(shown), soft_wrap=True)
    out.print(
        "[b]Research use only.[/b] The knee is synthetic, and so are those the networks were trained on."
    )


def _seconds(shown: Demonstration) -> str:
    """How long each step took, by the state that it led to."""
    steps = (f"{stage.split()[-1]} {seconds:.1f}" for stage, seconds in shown.seconds.items())
    return f"Seconds until {', '.join(steps)}"


def _places(shown: Demonstration) -> str:
    places = {
        "picture": shown.picture,
        "all that came back": f"{shown.folder / 'results'} (DICOM, for any viewer)",
        "the series that went in": shown.source,
        "the node's settings and log": shown.folder / "node",
    }
    return "\n".join(f"{what}: {where}" for what, where in places.items())


def _parameters(knee: KneeReturned, truth: KneeTruth) -> Table:
    """Means over the subregions of each bone, and how the subregions go along with the truth (r)."""
    table = Table("bone", "parameter", title=f"Knee {knee.side}: means over a bone's subregions")
    for heading in ("measured", "truth", "difference", "r"):
        table.add_column(heading, justify="right")
    for each in compare(knee, truth):
        unit = "" if UNITS[each.parameter] == "1" else f" {UNITS[each.parameter]}"
        figures = (f"{each.measured:.3f}{unit}", f"{each.truth:.3f}{unit}", f"{each.difference:+.1%}")
        table.add_row(each.bone.value, each.parameter.value, *figures, f"{each.correlation:.2f}")
    table.caption = "r: correlation of the subregions with their truth"
    return table


def _conclusions(knee: KneeReturned, truth: KneeTruth) -> Table:
    table = Table("conclusion", "measured", "truth", title=f"Knee {knee.side}: osteoarthritis")
    table.add_row(
        "class",
        f"{knee.oa_class} (P(OA) {probability(knee.oa_probability)})",
        f"{truth.oa_class} (KL {truth.grade})",
    )
    table.add_row("P(OA) comes most from", _strongest(knee), "")
    for region in CartilageRegion:
        table.add_row(f"MOAKS {region}", f"{knee.cartilage[region]:.1f}", f"{truth.cartilage[region]:.1f}")
    return table


def _strongest(knee: KneeReturned) -> str:
    """The half of a bone that raises the probability most, with its log-odds."""
    half, added = max(knee.contributions.items(), key=lambda item: item[1])
    return f"{half} ({added:+.2f} log-odds)"
