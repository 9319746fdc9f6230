import pytest
import torch
from torch import Tensor, nn

from stages.networks import models
from stages.networks.hooks import attached, trial_pass
from stages.runtime.errors import StageError


def test_hooks_are_removed_when_the_block_ends() -> None:
    network, calls = nn.Sequential(nn.ReLU(), nn.ReLU()), []
    hooks = (module.register_forward_hook(lambda *_: calls.append(1)) for module in network)
    with attached(hooks):
        network(torch.zeros(1))
        network(torch.zeros(1))
    network(torch.zeros(1))
    assert len(calls) == 4
    assert not any(module._forward_hooks for module in network)


def test_hooks_are_removed_when_the_block_fails() -> None:
    module = nn.ReLU()
    with pytest.raises(KeyError), attached([module.register_forward_hook(lambda *_: None)]):
        raise KeyError
    assert not module._forward_hooks


class Recorder(nn.Module):
    """Keeps what it is given."""

    def __init__(self, weight: Tensor | None = None) -> None:
        super().__init__()
        if weight is not None:
            self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        self.given, self.inference = x, torch.is_inference_mode_enabled()
        return x


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_trial_pass_sends_one_black_image_where_the_network_is(device: str) -> None:
    network = Recorder(torch.ones(1, device=device))
    trial_pass(network, 8)
    assert network.given.shape == (1, 3, 8, 8)
    assert network.given.device.type == device
    assert network.inference
    if device == "cpu":
        assert not network.given.any()


def test_a_trial_pass_needs_no_parameters() -> None:
    network = Recorder()
    trial_pass(network, 8)
    assert network.given.device.type == "cpu"


def test_a_network_that_refuses_the_image_size_is_told() -> None:
    network = models.outline("torchvision/vit_b_16")
    with pytest.raises(StageError, match=r"128 x 128; found Wrong image height.*a view of another size"):
        trial_pass(network, 128)
