from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core import backbones, inference
from stages.core.command import StageError

CPU = torch.device("cpu")
ENTRY = {"model": "torchvision/squeezenet1_1", "weights": "random"}


def test_the_gpu_that_is_asked_for_must_be_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert inference.choose_device("auto").type == "cpu"
    with pytest.raises(StageError, match=r"runtime.device: cuda:1 asks for; found 0 CUDA devices"):
        inference.choose_device("cuda:1")


def test_a_network_comes_with_its_weights_in_evaluation_mode(tmp_path: Path) -> None:
    state = backbones.state_dict(ENTRY)
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
