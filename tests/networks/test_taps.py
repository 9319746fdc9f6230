from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from stages.networks import models
from stages.networks.taps import Taps, _Outputs
from stages.runtime.errors import StageError

IMAGES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
NAMES = ["a/1.jpg", "a/2.jpg", "b/1.jpg"]


def tap(
    network: nn.Module, layers: dict[str, str], dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    with Taps(network, layers, dtype) as taps:
        return taps(IMAGES, NAMES)


def vgg16(net: nn.Module) -> dict[str, tuple[str, Callable[[Tensor], Tensor]]]:
    f, c = net.features, net.classifier  # type: ignore[union-attr]
    deep = lambda x: net.avgpool(f(x)).flatten(1)  # type: ignore[operator]  # noqa: E731
    return {
        "conv1": ("features.0", lambda x: f[:1](x)),  # an in-place ReLU follows
        "pool1": ("features.4", lambda x: f[:5](x)),
        "pool5": ("features.30", lambda x: f(x)),  # type: ignore[operator]
        "linear6": ("classifier.0", lambda x: c[:1](deep(x))),  # an in-place ReLU follows
        "relu6": ("classifier.1", lambda x: c[:2](deep(x))),
        "relu7": ("classifier.4", lambda x: c[:5](deep(x))),
    }


def resnet50(net: nn.Module) -> dict[str, tuple[str, Callable[[Tensor], Tensor]]]:
    n: dict[str, nn.Module] = dict(net.named_children())
    stem = nn.Sequential(n["conv1"], n["bn1"], n["relu"], n["maxpool"])
    blocks = nn.Sequential(n["layer1"], n["layer2"], n["layer3"], n["layer4"])
    return {
        "bn1": ("bn1", lambda x: stem[:2](x)),  # an in-place ReLU follows
        "maxpool": ("maxpool", stem),
        "layer1": ("layer1", lambda x: blocks[:1](stem(x))),
        "layer4": ("layer4", lambda x: blocks(stem(x))),
        "avgpool": ("avgpool", lambda x: n["avgpool"](blocks(stem(x)))),
    }


def lite0(net: nn.Module) -> dict[str, tuple[str, Callable[[Tensor], Tensor]]]:
    n: dict[str, nn.Module] = dict(net.named_children())
    stem = nn.Sequential(n["conv_stem"], n["bn1"])
    blocks, head = n["blocks"], nn.Sequential(n["conv_head"], n["bn2"], n["global_pool"])
    return {
        "conv": ("conv_stem", lambda x: n["conv_stem"](x)),
        "blocks1": ("blocks.1", lambda x: blocks[:2](stem(x))),  # type: ignore[index]
        "blocks6": ("blocks.6", lambda x: blocks(stem(x))),
        "avgpool": ("global_pool", lambda x: head(blocks(stem(x)))),
    }


@pytest.mark.parametrize(
    ("model", "by_hand"),
    [
        ("torchvision/vgg16", vgg16),
        ("torchvision/resnet50", resnet50),
        ("timm/tf_efficientnet_lite0", lite0),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_one_pass_equals_slicing_by_hand(
    model: str,
    by_hand: Callable[[nn.Module], dict[str, tuple[str, Callable[[Tensor], Tensor]]]],
    dtype: torch.dtype,
) -> None:
    torch.manual_seed(0)
    network = models.build(model)
    slices = by_hand(network)
    found = tap(network, {layer: path for layer, (path, _) in slices.items()}, dtype)
    assert list(found) == list(slices)
    with torch.inference_mode():
        for layer, (_, run) in slices.items():
            expected = run(IMAGES).clone().flatten(1)
            assert torch.equal(found[layer], expected.to(dtype)), layer
            if layer in ("conv1", "linear6", "bn1"):
                assert (found[layer] < 0).any(), "the ReLU after it has overwritten it"


class Three(nn.Module):
    """Three layers in a row; the last one must not run when nobody taps it."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Linear(1, 1)
        nn.init.constant_(self.first.weight, factor)
        nn.init.zeros_(self.first.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.third(self.second(self.first(x)))  # of the wrong shape: fails if it runs
        return y


def test_the_pass_stops_after_the_deepest_tap() -> None:
    found = tap(Three(), {"b": "second", "a": "first"})
    assert found["a"].shape == (3, 2 * 64 * 64)
    with pytest.raises(RuntimeError):
        tap(Three(), {"c": "third"})


def test_hooks_are_removed() -> None:
    network = Three()
    tap(network, {"a": "first"})
    assert not network.first._forward_hooks


def test_seconds_grow_with_depth() -> None:
    with Taps(Three(), {"a": "first", "b": "second"}, torch.float32) as taps:
        taps(IMAGES, NAMES)
    assert 0 < taps.seconds["a"] < taps.seconds["b"]
    assert taps.copy_seconds["a"] > 0


def test_queued_work_is_awaited_in_any_order() -> None:
    with Taps(Three(), {"a": "first"}, torch.float32) as taps:
        first, second = taps.start(IMAGES[:2], NAMES[:2]), taps.start(IMAGES[2:], NAMES[2:])
        after, before = second()["a"], first()["a"]
    assert torch.equal(torch.cat([before, after]), tap(Three(), {"a": "first"})["a"])


def test_bfloat16_is_stored_exactly_in_float16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = tap(Three(), {"a": "first"}, torch.float16)["a"]
    assert torch.equal(found, found.bfloat16().half())


def test_too_large_for_float16_is_an_error_not_an_infinity() -> None:
    with pytest.raises(StageError, match=r"up to 65504.*for image a/1.jpg.*storage: float32"):
        tap(Three(1e6), {"a": "first"}, torch.float16)
    assert tap(Three(1e6), {"a": "first"}, torch.float32)["a"].max() > 65504


def test_nan_names_the_layer_and_the_image() -> None:
    images = IMAGES.clone()
    images[1, 0, 5, 5] = float("nan")
    with (
        pytest.raises(StageError, match="finite features of a; found NaN or infinity for image a/2.jpg"),
        Taps(Three(), {"a": "first"}, torch.float16) as taps,
    ):
        taps(images, NAMES)


def test_without_streams_each_mark_waits_for_the_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """On mps; the values are on the CPU here."""
    waits: list[torch.device] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waits.append)
    mps = torch.device("mps")
    outputs = _Outputs(torch.float16, mps)
    outputs.add("a", lambda: IMAGES)
    outputs.end_copies()
    outputs.wait()
    outputs.check(NAMES)
    assert waits == [mps] * 3
    assert torch.equal(outputs.rows["a"], IMAGES.half().flatten(1))
    ((layer, seconds, copying),) = outputs.durations()
    assert layer == "a"
    assert seconds >= 0 < copying
