"""Weights that are packed into one block and unpacked again are the weights they were."""

import gc
from typing import Any

import pytest
import torch

from studio.engines.shuttle import Shuttle


class Everywhere(Shuttle):
    """Takes main memory for a device, so that parking can be tried on any machine."""

    def _away(self, tensor: Any) -> bool:
        return True


class Locks:
    """Counts the blocks that are locked at a time."""

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def __call__(self, block: torch.Tensor) -> Any:
        self.blocks.append(block.numel())
        return lambda: self.blocks.remove(block.numel())


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    inner = torch.nn.Linear(7, 5)
    tied = torch.nn.Linear(7, 5)
    tied.weight = inner.weight
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 7, 3), torch.nn.BatchNorm2d(7), inner, tied).half()
    net[0].to(memory_format=torch.channels_last)
    net.register_buffer("odd", torch.arange(24).reshape(2, 3, 4).transpose(0, 2)[:, ::2])
    return net


def content(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def test_weights_come_back_as_they_were() -> None:
    net, locks = network(), Locks()
    before, strides = content(net), net[0].weight.stride()
    shuttle = Everywhere(net, locks)
    shuttle.park()
    for name, tensor in content(net).items():
        assert torch.equal(tensor, before[name]), name
    assert net[0].weight.stride() == strides
    assert net[2].weight is net[3].weight
    storages = {tensor.untyped_storage().data_ptr() for tensor in net.state_dict().values()}
    assert len(storages) == 1
    assert len(locks.blocks) == 1
    shuttle.bring("cpu", torch.float32)
    assert locks.blocks == []
    assert net[0].weight.dtype == torch.float32
    assert net.odd.dtype == torch.int64
    assert all(torch.equal(tensor, before[name].to(tensor.dtype)) for name, tensor in content(net).items())


def test_the_block_is_no_larger_than_the_weights_and_is_unlocked_when_they_go() -> None:
    net, locks = network(), Locks()
    shuttle = Everywhere(net, locks)
    shuttle.park()
    unique = {id(t): t for t in (*net.parameters(), *net.buffers())}.values()
    assert locks.blocks[0] <= sum(t.numel() * t.element_size() + 512 for t in unique)
    del shuttle
    gc.collect()
    assert locks.blocks == []


def test_what_is_in_main_memory_already_is_left_alone() -> None:
    net, locks = network(), Locks()
    addresses = [parameter.data_ptr() for parameter in net.parameters()]
    Shuttle(net, locks).park()
    assert [parameter.data_ptr() for parameter in net.parameters()] == addresses
    assert locks.blocks == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_weights_come_back_from_a_gpu() -> None:
    net = network()
    before = content(net)
    shuttle = Shuttle(net)
    shuttle.bring("cuda:0")
    assert all(tensor.is_cuda for tensor in net.state_dict().values())
    shuttle.park()
    assert all(torch.equal(tensor, before[name]) for name, tensor in content(net).items())
    assert net[0].weight.is_pinned()
