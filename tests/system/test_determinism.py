"""Extraction gives the same bytes in another process, and beside another layer.

With another number of threads, or on another processor, the last bits may differ.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.process import finish
from support.study import only

from stages import decode
from stages.features.store import Features
from stages.runtime.files import read_json
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.sources import synthetic

SQUEEZE = {"pool1": "features.2", "pool2": "features.5"}
LITE0 = {"blocks1": "blocks.1", "avgpool": "global_pool"}


@pytest.mark.parametrize(
    ("model", "weights", "layers", "another"),
    [
        ("torchvision/squeezenet1_1", "random", SQUEEZE, {"conv": "features.0"}),
        (
            "timm/tf_efficientnet_lite0",
            "random",
            LITE0,
            {"blocks4": "blocks.4"},
        ),
    ],
)
def test_two_extractions_and_a_third_with_one_more_layer(
    model: str,
    weights: str,
    layers: dict[str, str],
    another: dict[str, str],
    small: dict[str, Any],
    study: Callable[[dict[str, Any]], Path],
) -> None:
    found: list[dict[str, bytes]] = []
    entry = {"model": model, "weights": weights, "view": "square64"}
    small["backbones"] = {}
    for name, tapped in (("first", layers), ("second", layers), ("third", {**another, **layers})):
        small["backbones"]["net"] = {**entry, "layers": tapped}
        only(small, *(f"net/{layer}" for layer in layers))
        folder, paths = study(small), Paths()
        if name == "first":
            synthetic.write(paths.images, classes=3, images_per_class=7)
            decode.main("square64", paths=paths)
        finish(folder, "stages.fetch_weights", "net")
        finish(folder, "stages.extract", "net")
        features = paths.feature_folder("net").iterdir()
        found.append({path.name: path.read_bytes() for path in features})
        found[-1]["weights"] = paths.weights("net").read_bytes()
    assert set(found[0]) == {*(f"{layer}.h5" for layer in layers), "weights"}
    assert found[0] == found[1]
    assert len(found[2]) == len(found[0]) + 1
    assert found[0].items() <= found[2].items()


def test_the_number_of_threads_changes_at_most_the_last_bits(
    small: dict[str, Any], study: Callable[[dict[str, Any]], Path]
) -> None:
    """Without AVX-512, torch's convolutions sum in another order; here it is told to do without."""
    model = "timm/tf_efficientnet_lite0"
    entry = {"model": model, "weights": "random", "view": "square64", "layers": LITE0}
    small["backbones"] = {"net": entry}
    small["views"]["square64"]["size"] = 224
    only(small, *(f"net/{layer}" for layer in LITE0))
    folder, paths = study(small), Paths()
    synthetic.write(paths.images, classes=3, images_per_class=7)
    decode.main("square64", paths=paths)
    finish(folder, "stages.fetch_weights", "net")
    found: list[list[np.ndarray]] = []
    for threads in ("1", "2"):
        plain = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
        finish(folder, "stages.extract", "net", OMP_NUM_THREADS=threads, **plain)
        assert read_json(paths.timings("extract", "net"))["threads"] == int(threads)
        stored = [Features(paths.features(Probe("net", layer))) for layer in LITE0]
        found.append([np.hstack(list(features.blocks())).astype(np.float64) for features in stored])
    for one, two in zip(*found, strict=True):
        # float16 has 11 significant bits; near zero a sum loses more of them.
        assert np.allclose(one, two, rtol=2**-10, atol=2**-16 * np.abs(one).max())
