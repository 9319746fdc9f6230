from pathlib import Path

import numpy as np
import pytest
import torch

from stages.networks import inference
from stages.networks.weights import state_dict

CPU = torch.device("cpu")
ENTRY = {"model": "torchvision/squeezenet1_1", "weights": "random"}


def test_a_network_comes_with_its_weights_in_evaluation_mode(tmp_path: Path) -> None:
    state = state_dict(ENTRY)
    torch.save(state, tmp_path / "w.pth")
    network = inference.load_network(ENTRY, tmp_path / "w.pth", CPU)
    assert not network.training
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_normalised_colour_by_colour(channels: int) -> None:
    normalise = inference.Normalise({**ENTRY, "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}, CPU)
    pixels = np.random.default_rng(0).integers(0, 256, (2, channels, 4, 4), dtype=np.uint8)
    shown, raw = normalise(pixels), normalise(pixels, normalised=False)
    assert shown.shape == raw.shape == (2, 3, 4, 4)
    for colour, (mean, std) in enumerate(zip(normalise.mean, normalise.std, strict=True)):
        grey = pixels[:, colour % channels] / 255
        assert np.allclose(raw[:, colour], grey, atol=1e-6)
        assert np.allclose(shown[:, colour], (grey - mean) / std, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_of_caffe_sees_blue_first_and_the_mean_subtracted(channels: int) -> None:
    """Caffe subtracts the means of blue, green and red from pixels of 0 to 255, and divides nothing."""
    mean = [103.939 / 255, 116.779 / 255, 123.68 / 255]
    caffe = {**ENTRY, "channels": "bgr", "mean": mean, "std": [1 / 255] * 3}
    normalise = inference.Normalise(caffe, CPU)
    pixels = np.random.default_rng(0).integers(0, 256, (2, channels, 4, 4), dtype=np.uint8)
    red, green, blue = (pixels[:, colour % channels].astype(float) for colour in range(3))
    shown, raw = normalise(pixels).numpy(), normalise(pixels, normalised=False).numpy()
    expected = np.stack([blue - 103.939, green - 116.779, red - 123.68], axis=1)
    assert np.allclose(shown, expected, atol=1e-4)
    assert np.allclose(raw, np.stack([blue, green, red], axis=1) / 255, atol=1e-6)
    assert normalise.colours == [2, 1, 0]


def test_in_bfloat16_it_computes_what_autocast_does(tmp_path: Path) -> None:
    torch.save(state_dict(ENTRY), tmp_path / "w.pth")
    plain, rounded = (
        inference.load_network(ENTRY, tmp_path / "w.pth", CPU, precision)
        for precision in ("float32", "bfloat16")
    )
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = plain(images)
        with torch.autocast("cpu", torch.bfloat16):
            expected = plain(images)
        with inference.computing(CPU, "bfloat16"):
            found = rounded(images)
        with inference.computing(CPU, "float32"):
            assert torch.equal(plain(images), exact)
    assert torch.equal(found, expected)
    assert found.dtype == torch.bfloat16
    assert 0 < (found.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_weights_that_a_module_computes_with_stay_float32(tmp_path: Path) -> None:
    entry = {"model": "timm/resnetv2_50x1_bit", "weights": "random"}  # its convolutions are standardised
    torch.save(state_dict(entry), tmp_path / "w.pth")
    network = inference.load_network(entry, tmp_path / "w.pth", CPU, "bfloat16")
    standardised = [m for m in network.modules() if type(m).__name__.startswith("StdConv2d")]
    assert standardised
    assert all(module.weight.dtype == torch.float32 for module in standardised)
