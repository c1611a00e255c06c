"""The table of knees in others' shapes."""

from __future__ import annotations

from trainer.evaluation.shapes.answers import Answer
from trainer.evaluation.shapes.table import summary, table


def answer(
    seed: int, oa_class: str, probability: float, marks: tuple[str, ...] = (), shape: str = "a.nrrd"
) -> Answer:
    dice, correlation = (0.9, 0.95, 0.97, 0.8), (0.99, 0.9, 0.8, 0.7)
    return Answer(seed, shape, "", True, dice, correlation, marks, oa_class, probability)


def test_classes_are_counted_by_what_was_drawn() -> None:
    found = summary(
        [
            answer(1, "normal", 0.2),
            answer(2, "normal", 0.6, ("thick_slices",)),
            answer(3, "advanced", 0.9),
            Answer(4, "a.nrrd", refused="metal_implant"),
        ]
    )["shapes"]["a.nrrd"]
    assert found["above one half"] == "1 of 2 normal, 0 of 0 mild, 1 of 1 advanced"
    assert found["refused"] == {"metal_implant": 1}
    assert found["marks"] == {"thick_slices": 1}
    assert (found["knees"], found["side right"]) == (4, 3)
    assert found["dice"]["tibia"] == (0.95, 0.95)


def test_many_shapes_are_shown_together() -> None:
    few, many = (
        summary([answer(n, "normal", 0.2, shape=f"{n}.nrrd") for n in range(count)]) for count in (2, 9)
    )
    assert [str(column.header) for column in table(few).columns] == ["", "0.nrrd", "1.nrrd", "all 2 shapes"]
    assert [str(column.header) for column in table(many).columns] == ["", "all 9 shapes"]
    assert many["all"]["above one half"] == "0 of 9 normal, 0 of 0 mild, 0 of 0 advanced"
