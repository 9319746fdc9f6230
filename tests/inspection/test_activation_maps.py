import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages.inspection import activation_maps
from stages.networks import models


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("torchvision/vgg16", "features.0"),
        ("torchvision/resnet50", "conv1"),
        ("torchvision/vit_b_16", "conv_proj"),
        ("timm/tf_efficientnet_lite0", "conv_stem"),
        ("timm/vit_tiny_patch16_224", "patch_embed.proj"),
    ],
)
def test_the_first_convolution(model: str, path: str) -> None:
    with torch.device("meta"):
        network = models.build(model)
    assert activation_maps.first_convolution(network, 224) == path


class Backwards(nn.Module):
    """Lists its layers in another order than it runs them."""

    def __init__(self, first: nn.Module) -> None:
        super().__init__()
        self.second = nn.Conv2d(3, 2, 1)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))  # type: ignore[no-any-return]


def test_the_first_convolution_is_the_one_that_runs_first() -> None:
    assert activation_maps.first_convolution(Backwards(nn.Conv2d(3, 3, 1)), 8) == "first"
    assert (
        activation_maps.first_convolution(Backwards(nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1))), 8)
        == "first.1"
    )


@pytest.mark.parametrize("first", [nn.Linear(8, 8), nn.BatchNorm2d(3)])
def test_a_network_that_begins_with_another_layer_has_none(first: nn.Module) -> None:
    assert activation_maps.first_convolution(Backwards(first).eval(), 8) is None


def numbered(*shape: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    full = np.arange(2 * np.prod(shape), dtype=np.float32).reshape(2, *shape)
    return full, full.reshape(2, -1)


def test_channels_first_stay_as_they_are() -> None:
    full, flat = numbered(5, 4, 4)
    assert np.array_equal(activation_maps.as_maps(flat, (5, 4, 4)), full)  # type: ignore[arg-type]


def test_channels_last_are_turned() -> None:
    full, flat = numbered(4, 4, 5)
    assert np.array_equal(activation_maps.as_maps(flat, (4, 4, 5)), full.transpose(0, 3, 1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", [0, 1, 5])  # none, a class token, and four registers with it
def test_tokens_are_laid_out_without_those_before_the_patches(prefix: int) -> None:
    full, flat = numbered(49 + prefix, 3)
    found = activation_maps.as_maps(flat, (49 + prefix, 3))
    assert found is not None
    assert found.shape == (2, 3, 7, 7)
    assert found[1, 2, 3, 4] == full[1, prefix + 3 * 7 + 4, 2]


@pytest.mark.parametrize("shape", [(4096,), (2048, 1, 1), (1, 768)])
def test_an_output_without_a_plane_gives_no_maps(shape: tuple[int, ...]) -> None:
    assert activation_maps.as_maps(numbered(*shape)[1], shape) is None


def test_the_most_varied_channels_come_first() -> None:
    found = np.zeros((2, 4, 6, 6), dtype=np.float32)
    found[:, 1, ::2] = 1
    found[:, 3, ::2] = 9
    found[:, 2] = 100  # large, but the same everywhere
    assert activation_maps.most_varied(found, 2).tolist() == [3, 1]
