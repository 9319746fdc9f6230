"""The readouts against torch's own pooling of what a hook sees."""

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from stages.networks import models
from stages.networks.layers import layer_shapes
from stages.networks.readout import read
from stages.networks.taps import Taps
from stages.runtime.errors import StageError

SIZE = 64
IMAGES = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def output_of(network: nn.Module, path: str) -> Tensor:
    """What the module puts out."""
    seen: list[Tensor] = []
    handle = network.get_submodule(path).register_forward_hook(lambda *a: seen.append(a[2].clone()))
    with torch.inference_mode():
        network(IMAGES)
    handle.remove()
    return seen[0]


def tapped(
    network: nn.Module, path: str, *pools: str, dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    """One pass with a tap for each pool on the same module; its shapes agree with `layer_shapes`."""
    layers = {how: {"module": path, "pool": how} for how in pools}
    with Taps(network, layers, dtype) as taps:
        found = taps(IMAGES, ["a", "b", "c"])
    shapes = layer_shapes(network, layers, SIZE)
    assert list(found) == list(shapes) == list(pools)
    assert [rows.shape[1] for rows in found.values()] == [torch.Size(s).numel() for s in shapes.values()]
    return list(found.values())


def vit(**settings: object) -> nn.Module:
    torch.manual_seed(0)
    small = {"img_size": SIZE, "patch_size": 16, "embed_dim": 32, "depth": 2, "num_heads": 2}
    return timm.models.VisionTransformer(**{**small, **settings}).eval()  # type: ignore[arg-type]


def torchvision_vit() -> nn.Module:
    torch.manual_seed(0)
    return VisionTransformer(SIZE, 16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64).eval()


def test_maps_are_pooled_as_torch_pools_them() -> None:
    torch.manual_seed(0)
    network = models.build("torchvision/squeezenet1_1")
    maps = output_of(network, "features.5")
    none, mean, largest, grid = tapped(network, "features.5", "none", "mean", "max", "grid2")
    assert torch.equal(none, maps.flatten(1))
    torch.testing.assert_close(mean, F.adaptive_avg_pool2d(maps, 1).flatten(1))
    assert torch.equal(largest, F.adaptive_max_pool2d(maps, 1).flatten(1))
    assert torch.equal(grid, F.adaptive_avg_pool2d(maps, 2).flatten(1))
    corner = maps[:, :, : -(-maps.shape[2] // 2), : -(-maps.shape[3] // 2)]
    torch.testing.assert_close(grid[:, ::4], corner.mean((2, 3)))


def test_maps_with_channels_last_are_pooled_over_their_plane() -> None:
    torch.manual_seed(0)
    network = timm.create_model("swin_tiny_patch4_window7_224", img_size=SIZE, window_size=2).eval()
    maps = output_of(network, "layers.1")
    assert maps.shape == (3, 8, 8, 192)
    mean, grid = tapped(network, "layers.1", "mean", "grid2")
    torch.testing.assert_close(mean, maps.mean((1, 2)))
    torch.testing.assert_close(grid, F.adaptive_avg_pool2d(maps.permute(0, 3, 1, 2), 2).flatten(1))


@pytest.mark.parametrize(
    ("network", "path", "prefix"),
    [
        (vit(), "blocks.1", 1),
        (vit(reg_tokens=4), "blocks.0", 5),
        (torchvision_vit(), "encoder.layers.encoder_layer_0", 1),
    ],
    ids=["timm", "registers", "torchvision"],
)
def test_tokens_are_pooled_over_the_patches_only(network: nn.Module, path: str, prefix: int) -> None:
    tokens = output_of(network, path)
    patches = tokens[:, prefix:]
    assert patches.shape[1] == 16
    mean, largest, cls, both, grid = tapped(network, path, "mean", "max", "cls", "mean+cls", "grid2")
    torch.testing.assert_close(mean, patches.mean(1))
    assert torch.equal(largest, patches.amax(1))
    assert torch.equal(cls, tokens[:, 0])
    assert torch.equal(both, torch.cat([mean, cls], dim=1))
    plane = patches.transpose(1, 2).reshape(3, 32, 4, 4)
    torch.testing.assert_close(grid, F.adaptive_avg_pool2d(plane, 2).flatten(1))


def test_before_the_class_token_is_joined_every_token_is_a_patch() -> None:
    network = vit()
    (mean,) = tapped(network, "patch_embed", "mean")
    torch.testing.assert_close(mean, output_of(network, "patch_embed").mean(1))
    with pytest.raises(StageError, match="with a class token"):
        tapped(network, "patch_embed", "cls")


def test_pooling_comes_before_rounding() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1))
    with torch.no_grad():
        network[0].weight.mul_(1e6)  # too large for float16 in places, its mean too
        network[0].weight[0] = torch.tensor([1e6, -1e6, 0]).view(3, 1, 1)
        network[0].weight[1] = network[0].weight[0]
    (mean,) = tapped(network, "0", "mean", dtype=torch.float16)
    torch.testing.assert_close(mean, output_of(network, "0").mean((2, 3)).half())
    with pytest.raises(StageError, match="up to 65504"):
        tapped(network, "0", "none", dtype=torch.float16)


@pytest.mark.parametrize(
    ("shape", "how", "network", "message"),
    [
        ((4096,), "mean", nn.Identity(), r"maps .* or tokens .*found .* \(4096,\).*none for a vector"),
        ((4096,), "grid2", nn.Identity(), r"maps \(c, h, w\) or tokens"),
        ((64, 7, 7), "cls", nn.Identity(), r"pool: cls, tokens \(t, c\) with a class token"),
        ((64, 7, 7), "mean+cls", nn.Identity(), r"tokens \(t, c\) with a class token"),
        ((20, 32), "cls", vit(class_token=False, reg_tokens=4, global_pool="avg"), "with a class token"),
        ((64, 1, 1), "grid2", nn.Identity(), "a square plane, of 2 x 2 or more"),
        ((64, 7, 9), "mean", nn.Identity(), "a square plane"),
        ((8, 8, 8), "mean", nn.Identity(), "whose channels are told from their sides"),
        ((17, 32), "mean", nn.Identity(), "tells its number of prefix tokens"),
        ((19, 32), "mean", vit(), "1 prefix tokens, or none"),
        ((33, 32), "grid2", vit(img_size=(64, 128)), "a square plane, of 2 x 2"),
    ],
)
def test_a_pool_that_the_layer_does_not_have_is_refused(
    shape: tuple[int, ...], how: str, network: nn.Module, message: str
) -> None:
    with pytest.raises(StageError, match=message) as caught:
        read(torch.zeros(1, *shape), how, network)
    assert "edit layers in params.yaml" in str(caught.value)


def test_the_refusal_names_the_layer() -> None:
    network = models.outline("torchvision/vgg16")
    layers = {"relu7": {"module": "classifier.4", "pool": "mean"}}
    with pytest.raises(StageError, match=r"^layer relu7 \(classifier.4\): expected for pool: mean"):
        layer_shapes(network, layers, 224)
    assert layer_shapes(network, {"m": {"module": "features.23", "pool": "mean"}}, 224) == {"m": (512,)}
