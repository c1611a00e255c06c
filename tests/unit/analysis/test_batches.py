"""Running a network in batches: what goes in comes out, whole and in order, for any number of threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ctsma_node.analysis.batches import in_batches

CPU = torch.device("cpu")


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("number", [1, 3])
def test_every_element_is_answered_once_and_in_order(threads: None, number: int) -> None:
    torch.set_num_threads(number)
    first, second = torch.arange(23.0), torch.arange(23.0) * 10

    answers = in_batches(lambda a, b: a + b, (first, second), 5, CPU)

    assert [len(each) for each in answers] == [5, 5, 5, 5, 3]
    assert torch.equal(torch.cat(answers), first * 11)
    assert torch.get_num_threads() == number


def test_no_gradients_are_kept() -> None:
    weight = torch.ones(1, requires_grad=True)

    (answer,) = in_batches(lambda x: x * weight, (torch.ones(2),), 5, CPU)

    assert not answer.requires_grad


def test_an_error_in_a_batch_is_raised() -> None:
    def network(x: torch.Tensor) -> torch.Tensor:
        raise MemoryError

    with pytest.raises(MemoryError):
        in_batches(network, (torch.ones(9),), 2, CPU)
