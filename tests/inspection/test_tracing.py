from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from stages.inspection.summary import Layer
from stages.inspection.tracing import trace
from stages.networks import models
from stages.networks.layers import layer_shapes
from stages.runtime.errors import StageError


def by_path(layers: list[Layer]) -> dict[str, Layer]:
    assert len({layer.path for layer in layers}) == len(layers), "a path stands twice"
    return {layer.path: layer for layer in layers}


def rows(network: nn.Module, size: int = 8) -> list[tuple[str, str, str, int]]:
    """What differs between rows of toy networks; the row of the input is left out."""
    layers = trace(network, size)
    assert layers[-1].total == sum(parameter.numel() for parameter in network.parameters())
    return [(layer.path, layer.output, layer.product, layer.biases) for layer in layers[1:]]


class Toy(nn.Module):
    """A network of these modules whose forward pass is `run(network, images)`."""

    def __init__(self, run: Callable[[Any, Tensor], Any], **modules: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def test_vgg16_layer_by_layer() -> None:
    layers = trace(models.outline("torchvision/vgg16"), 224)
    convolutions, pools = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28], [4, 9, 16, 23, 30]
    assert [layer.path for layer in layers] == [
        "input",
        *(f"features.{i}" for i in sorted(convolutions + pools)),
        *("classifier.0", "classifier.3", "classifier.6"),
    ]
    rows = by_path(layers)
    assert rows["input"] == Layer("input", "", "224 x 224 x 3", 0, "", 0, 0)
    assert rows["features.0"] == Layer(
        "features.0", "Conv2d", "224 x 224 x 64", 1728, "(3 x 3 x 3) x 64 = 1,728", 64, 1792
    )
    assert rows["features.4"] == Layer("features.4", "MaxPool2d", "112 x 112 x 64", 0, "", 0, 38720)
    assert rows["features.5"] == Layer(
        "features.5", "Conv2d", "112 x 112 x 128", 73728, "(3 x 3 x 64) x 128 = 73,728", 128, 112576
    )
    assert rows["features.30"].output == "7 x 7 x 512"
    assert rows["classifier.0"].product == "25,088 x 4,096 = 102,760,448"
    assert rows["classifier.0"].output == "4,096"
    assert layers[-1].total == 138_357_544
    assert sum(layer.weights for layer in layers) == 138_344_128


def test_resnet50_counts_scales_as_weights_and_shifts_as_biases() -> None:
    layers = trace(models.outline("torchvision/resnet50"), 224)
    rows = by_path(layers)
    assert layers[-1].total == 25_557_032
    assert rows["bn1"] == Layer("bn1", "BatchNorm2d", "112 x 112 x 64", 64, "64", 64, 9536)
    assert rows["layer1.0.downsample.0"].product == "(1 x 1 x 64) x 256 = 16,384"
    assert rows["avgpool"].output == "1 x 1 x 2,048"
    assert not [layer for layer in layers if layer.kind in ("ReLU", "Bottleneck")]


NETWORKS = [
    ("torchvision/squeezenet1_1", 224),
    ("torchvision/inception_v3", 299),
    ("torchvision/densenet121", 224),
    ("torchvision/vit_b_16", 224),
    ("torchvision/swin_t", 224),
    ("torchvision/convnext_tiny", 224),
    ("torchvision/mobilenet_v3_small", 224),
    ("torchvision/shufflenet_v2_x0_5", 224),
    ("torchvision/efficientnet_b0", 224),
    ("torchvision/regnet_y_400mf", 224),
    ("torchvision/maxvit_t", 224),
    ("torchvision/googlenet", 224),
    ("timm/tf_efficientnet_lite0", 224),
    ("timm/vit_tiny_patch16_224", 224),
    ("timm/swin_tiny_patch4_window7_224", 224),
    ("timm/resnetv2_50", 224),
    ("timm/mixer_s32_224", 224),
    ("timm/convnext_atto", 224),
    ("timm/mobilevitv2_050", 224),  # maps that are not square
]


@pytest.mark.parametrize(("model", "size"), NETWORKS)
def test_every_parameter_is_counted_once(model: str, size: int) -> None:
    network = models.outline(model)
    layers = trace(network, size)
    assert layers[-1].total == sum(parameter.numel() for parameter in network.parameters())
    total = 0
    for layer in layers:
        total += layer.weights + layer.biases
        assert layer.total == total, layer
        product = layer.product.partition(" =")[0].replace(",", "").replace("x", "*") or "0"
        assert eval(product) == layer.weights, layer
    kind, _, name = model.partition("/")
    if kind == "torchvision":  # what its authors counted; GoogLeNet's without the heads for training
        published = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]
        assert (by_path(layers)["fc"].total if name == "googlenet" else total) == published


@pytest.mark.parametrize(
    "model", ["torchvision/vgg16", "torchvision/squeezenet1_1", "torchvision/densenet121"]
)
def test_outputs_are_what_the_taps_see(model: str) -> None:
    network = models.outline(model)
    layers = [layer for layer in trace(network, 224) if layer.path not in ("input", "output")]
    shapes = layer_shapes(network, {layer.path: layer.path for layer in layers}, 224)
    assert list(shapes) == [layer.path for layer in layers], "not in the order of the pass"
    for layer in layers:
        channels, *sides = shapes[layer.path]
        assert layer.output == " x ".join(f"{side:,}" for side in [*sides, channels])


@pytest.mark.parametrize(
    ("model", "path", "kind", "output"),
    [
        ("torchvision/squeezenet1_1", "features.3", "Fire", "55 x 55 x 128"),
        ("torchvision/squeezenet1_1", "output", "SqueezeNet", "1,000"),
        ("torchvision/googlenet", "inception3a", "Inception", "28 x 28 x 256"),
        ("torchvision/densenet121", "features.denseblock1", "_DenseBlock", "56 x 56 x 256"),
        ("torchvision/vit_b_16", "encoder", "Encoder", "197 x 768"),
        ("torchvision/vit_b_16", "encoder.layers.encoder_layer_0.mlp.0", "Linear", "197 x 3,072"),
        ("torchvision/convnext_tiny", "features.0.1", "LayerNorm2d", "56 x 56 x 96"),
        ("torchvision/convnext_tiny", "features.1.0.block.1", "Permute", "56 x 56 x 96"),
        ("torchvision/convnext_tiny", "features.1.0.block.3", "Linear", "56 x 56 x 384"),
        ("timm/swin_tiny_patch4_window7_224", "patch_embed.norm", "LayerNorm", "56 x 56 x 96"),
        ("timm/swin_tiny_patch4_window7_224", "layers.0.blocks.0.attn.qkv", "Linear", "64 x 49 x 288"),
        ("timm/swin_tiny_patch4_window7_224", "norm", "LayerNorm", "7 x 7 x 768"),
        ("timm/mobilevitv2_050", "stages.2.1.transformer.0.mlp.fc1", "Conv2d", "4 x 196 x 128"),
    ],
)
def test_shapes_are_told_with_the_channels_last(model: str, path: str, kind: str, output: str) -> None:
    layer = by_path(trace(models.outline(model), 224))[path]
    assert (layer.kind, layer.output) == (kind, output)


def test_heads_for_training_stand_at_the_end() -> None:
    layers = trace(models.outline("torchvision/googlenet"), 224)
    paths = [layer.path for layer in layers]
    heads = paths[paths.index("fc") + 1 :]
    assert heads[0] == "aux1.conv.conv"
    assert heads[-1] == "aux2.fc2"
    assert [layer.path for layer in layers if not layer.output] == heads
    assert layers[paths.index("fc")].total == 6_624_904


def test_an_attention_and_the_projection_that_it_does_not_call() -> None:
    layers = trace(models.outline("torchvision/vit_b_16"), 224)
    attention = "encoder.layers.encoder_layer_0.self_attention"
    at = [layer.path for layer in layers].index(attention)
    projection, whole = layers[at - 1], layers[at]
    assert (projection.path, projection.output) == (f"{attention}.out_proj", "")
    assert projection.product == "768 x 768 = 589,824"
    assert (whole.output, whole.product) == ("197 x 768", "2,304 x 768 = 1,769,472")
    assert (projection.biases, whole.biases) == (768, 2304)
    assert layers[-1].path == "output"  # it owns the class token
    assert layers[-1].product == "1 x 1 x 768 = 768"


@settings(max_examples=30)
@given(st.data())
def test_a_random_chain_by_hand(data: st.DataObject) -> None:
    modules: list[nn.Module] = []
    expected = []
    channels, size = 3, data.draw(st.integers(8, 40))
    start = size
    for i in range(data.draw(st.integers(1, 6))):
        if size >= 2 and data.draw(st.booleans()):
            modules.append(nn.MaxPool2d(2))
            size //= 2
            expected.append((f"{i}", f"{size} x {size} x {channels:,}", "", 0))
            continue
        kernel, filters = data.draw(st.sampled_from([1, 3, 5])), data.draw(st.integers(1, 2000))
        bias = data.draw(st.booleans())
        modules.append(nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=bias))
        count = kernel**2 * channels * filters
        product = f"({kernel} x {kernel} x {channels:,}) x {filters:,} = {count:,}"
        channels = filters
        expected.append((f"{i}", f"{size} x {size} x {channels:,}", product, bias * filters))
    assert rows(nn.Sequential(*modules).to("meta"), start) == expected


def test_a_module_used_twice_is_counted_once() -> None:
    conv, pool = nn.Conv2d(3, 3, 1), nn.MaxPool2d(2)
    network = Toy(lambda m, x: m.pool(input=m.conv(m.pool(m.conv(x)))), conv=conv, pool=pool)
    assert rows(network) == [
        ("conv", "8 x 8 x 3", "(1 x 1 x 3) x 3 = 9", 3),
        ("pool", "4 x 4 x 3", "", 0),
        ("pool", "2 x 2 x 3", "", 0),
    ]


def test_a_shared_parameter_is_counted_once() -> None:
    network = Toy(lambda m, x: m.b(m.a(x)), a=nn.Linear(8, 8), b=nn.Linear(8, 8))
    network.b.weight = network.a.weight  # type: ignore[union-attr]
    assert rows(network) == [("a", "8 x 8 x 3", "8 x 8 = 64", 8), ("b", "8 x 8 x 3", "", 8)]


def test_branches_and_their_concatenation() -> None:
    fork = Toy(
        lambda m, x: torch.cat([m.left(x), m.right(x)], 1),
        right=nn.Conv2d(3, 4, 3, padding=1, bias=False),
        left=nn.Conv2d(3, 6, 1, groups=3),
    )
    assert rows(nn.Sequential(fork, nn.ReLU())) == [
        ("0.left", "8 x 8 x 6", "(1 x 1 x 1) x 6 = 6", 6),  # in the order of the pass
        ("0.right", "8 x 8 x 4", "(3 x 3 x 3) x 4 = 108", 0),
        ("0", "8 x 8 x 10", "", 0),
    ]


def test_a_change_of_shape_without_a_module_shows_around_it() -> None:
    flat = Toy(lambda m, x: m.relu(m.pool(x).flatten(1)), pool=nn.AvgPool2d(2), relu=nn.ReLU())
    pool = ("pool", "4 x 4 x 3", "", 0)
    assert rows(flat) == [pool, ("output", "48", "", 0)]
    nested = nn.Sequential(nn.Sequential(nn.Sequential(flat)), nn.ReLU())
    assert rows(nested) == [("0.0.0.pool", *pool[1:]), ("0.0.0", "48", "", 0)], "told once, innermost"


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda x: (None, [x, 7, x.flatten()]), lambda x: x[1][0]),
        (lambda x: {"a": 1, "b": x}, lambda x: x["b"]),
    ],
)
def test_the_first_tensor_stands_for_all(wrap: Callable[..., Any], unwrap: Callable[..., Any]) -> None:
    block = Toy(lambda m, x: wrap(m.conv(input=x)), conv=nn.Conv2d(3, 4, 2))
    same = Toy(lambda m, x: wrap(m.relu(unwrap(x))), relu=nn.ReLU())
    flat = Toy(lambda m, x: unwrap(x).flatten(1))
    assert rows(nn.Sequential(block, same, flat)) == [
        ("0.conv", "7 x 7 x 4", "(2 x 2 x 3) x 4 = 48", 4),
        ("2", "196", "", 0),
    ]


def test_modules_that_are_never_called() -> None:
    inner = Toy(
        lambda m, x: m.pool(x * m.spare.weight.sum()), spare=nn.Linear(2, 3), pool=nn.MaxPool2d(2)
    )
    network = Toy(
        lambda m, x: m.after(m.inner(x)),
        unused=nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()),
        inner=inner,
        after=nn.Conv2d(3, 2, 1, bias=False),
    )
    assert rows(network) == [
        ("inner.pool", "4 x 4 x 3", "", 0),
        ("inner.spare", "", "2 x 3 = 6", 3),
        ("after", "4 x 4 x 2", "(1 x 1 x 3) x 2 = 6", 0),
        ("unused.0", "", "(1 x 1 x 3) x 4 = 12", 4),
    ]


def test_a_module_that_puts_out_no_tensor() -> None:
    silent = Toy(lambda m, x: None)
    silent.weight = nn.Parameter(torch.ones(2))
    network = Toy(
        lambda m, x: (m.pool(x), m.silent(x))[0].flatten(1), pool=nn.MaxPool2d(2), silent=silent
    )
    assert rows(network) == [
        ("pool", "4 x 4 x 3", "", 0),
        ("silent", "", "2", 0),
        ("output", "48", "", 0),
    ]


def test_parameters_of_all_kinds() -> None:
    network = Toy(lambda m, x: m.rows(m.up(m.norm(x))[:, 0])[0])
    network.norm, network.up = nn.BatchNorm2d(3), nn.ConvTranspose2d(3, 2, 5, padding=2)
    network.rows = nn.LSTM(8, 4, batch_first=True)
    network.scale, network.token = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(1, 2, 5))
    network.position_bias_table = nn.Parameter(torch.ones(3, 4))
    assert rows(network) == [
        ("norm", "8 x 8 x 3", "3", 3),
        ("up", "8 x 8 x 2", "3 x 2 x 5 x 5 = 150", 2),
        ("rows", "8 x 4", "16 x 8 + 16 x 4 = 192", 32),
        ("output", "8 x 4", "1 + 1 x 2 x 5 + 3 x 4 = 23", 0),
    ]


@pytest.mark.parametrize(
    ("run", "output"),
    [
        (lambda x: x[:, :2], "8 x 8 x 2"),  # channels first: the image is square
        (lambda x: x[:, :2].permute(0, 2, 3, 1), "8 x 8 x 2"),
        (lambda x: x[:, :, :, :2], "3 x 8 x 2"),  # nothing to go by: as it is
        (lambda x: x.flatten(2), "3 x 64"),
        (lambda x: x.flatten(1), "192"),
        (lambda x: x.reshape(4, 16, 3), "4 x 16 x 3"),  # windows in the batch
        (lambda x: x.repeat(1, 500, 1, 1), "8 x 8 x 1,500"),
        (lambda x: x.sum((1, 2, 3)), "1"),
    ],
)
def test_an_output_is_told_with_its_channels_last(run: Callable[[Tensor], Tensor], output: str) -> None:
    assert rows(nn.Sequential(Toy(lambda m, x: run(x)))) == [("0", output, "", 0)]


@pytest.mark.parametrize(
    ("module", "output"),
    [
        (nn.Conv2d(3, 2, 1), "4 x 8 x 2"),
        (nn.BatchNorm2d(3), "4 x 8 x 3"),
        (nn.GroupNorm(1, 3), "4 x 8 x 3"),
        (nn.MaxPool2d((2, 1)), "2 x 8 x 3"),
        (nn.AvgPool2d((2, 1)), "2 x 8 x 3"),
        (nn.AdaptiveMaxPool2d((1, 2)), "1 x 2 x 3"),
        (nn.AdaptiveAvgPool2d((1, 2)), "1 x 2 x 3"),
    ],
)
def test_a_map_that_is_not_square_is_told_by_its_module(module: nn.Module, output: str) -> None:
    half = Toy(lambda m, x: x[:, :, :4])
    path, told, *_ = rows(nn.Sequential(half, module))[-1]
    assert (path, told) == ("1", output)


def test_a_network_on_the_cpu_and_on_the_meta_device_is_the_same() -> None:
    real = models.build("torchvision/squeezenet1_1")
    assert trace(real, 64) == trace(models.outline("torchvision/squeezenet1_1"), 64)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in real.modules())


def test_a_network_in_training_is_looked_at_in_evaluation_mode() -> None:
    network = Toy(lambda m, x: m.a(x) if m.training else m.b(x), a=nn.Conv2d(3, 2, 1), b=nn.MaxPool2d(2))
    assert rows(network.train()) == [
        ("b", "4 x 4 x 3", "", 0),
        ("a", "", "(1 x 1 x 3) x 2 = 6", 2),
    ]


def refuse(module: Any, x: Tensor) -> Tensor:
    raise AssertionError


@pytest.mark.parametrize(
    ("network", "size", "found"),
    [
        (
            lambda: models.outline("torchvision/vgg16"),
            16,
            "images of 16 x 16; found .*too small.*a view of another size",
        ),
        (
            lambda: models.outline("torchvision/vit_b_16"),
            128,
            "images of 128 x 128; found Wrong image height",
        ),
        (
            lambda: models.outline("timm/vit_tiny_patch16_224"),
            128,
            "found Input height .128. doesn't match",
        ),
        (lambda: Toy(refuse), 8, "found AssertionError"),
        (lambda: Toy(lambda m, x: x * m.a.weight.sum().item(), a=nn.Linear(2, 2)).to("meta"), 8, "meta"),
    ],
)
def test_a_network_that_refuses_the_images_is_told(
    network: Callable[[], nn.Module], size: int, found: str
) -> None:
    refusing = network()
    with pytest.raises(StageError, match=found):
        trace(refusing, size)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in refusing.modules())
