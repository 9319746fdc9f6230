"""On a GPU, where there is one: the same features and kernels but for rounding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.extraction import images_of, run_extract

from stages import gram
from stages.features.store import Features
from stages.kernels.gram import stream

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.02)])
def test_features(
    precision: str, tolerance: float, folder: Path, small: dict[str, Any], study: Any
) -> None:
    images_of(folder)
    found = {}
    for device in ("cpu", "cuda"):
        small["runtime"]["device"], small["extract"]["precision"] = device, precision
        study(small)
        layer = Features(run_extract(folder, "squeeze", device) / "pool2.h5")
        found[device] = np.hstack(list(layer.blocks())).astype(np.float64)
    difference = np.linalg.norm(found["cpu"] - found["cuda"])
    assert difference < tolerance * np.linalg.norm(found["cpu"])


def test_kernel() -> None:
    X = np.random.default_rng(0).normal(size=(100, 5000)).astype(np.float16)
    blocks = [X[:, :4096], X[:, 4096:]]
    assert np.allclose(gram.stream(blocks, 100, "cuda"), stream(blocks, 100), rtol=1e-11, atol=1e-8)
