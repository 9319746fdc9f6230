import math
from typing import Any

import pytest
import torch
from support.study import ROOT

from stages.networks import models
from stages.networks.layers import check_backbones, layer_shapes
from stages.runtime.errors import StageError
from stages.runtime.params import load_params


def test_the_default_study_taps_layers_that_exist() -> None:
    shapes = check_backbones(load_params(ROOT / "params.yaml"))
    assert math.prod(shapes["vgg16"]["pool1"]) == 802_816
    assert shapes["vgg16"]["pool4"] == (512, 14, 14)
    assert shapes["vgg16"]["pool4_mean"] == (512,)
    assert math.prod(shapes["resnet50"]["avgpool"]) == 2048
    assert math.prod(shapes["efficientnet_lite0"]["avgpool"]) == 1280


def test_an_error_names_its_backbone(small: dict[str, Any]) -> None:
    small["backbones"]["shuffle"]["layers"]["x"] = "stage9"
    with pytest.raises(StageError, match="backbone shuffle: expected layer x .* stage2"):
        check_backbones(small)


def test_shapes_come_in_the_order_of_the_pass() -> None:
    with torch.device("meta"):
        network = models.build("torchvision/vgg16")
    layers = {"relu7": "classifier.4", "pool5": "features.30", "pool1": "features.4"}
    found = layer_shapes(network, layers, 224)
    assert list(found.items()) == [("pool1", (64, 112, 112)), ("pool5", (512, 7, 7)), ("relu7", (4096,))]


@pytest.mark.parametrize(
    ("model", "path", "size", "message"),
    [
        ("torchvision/vgg16", "features.44", 224, "unknown path 'features.44'"),
        ("torchvision/vgg16", "classifier.6", 16, None),
        ("torchvision/resnet50", "layer1.0.relu", 224, "3 runs.*tap the block around it"),
        ("torchvision/vit_b_16", "encoder.layers.encoder_layer_0", 128, "images of 128 x 128"),
    ],
)
def test_layers_that_cannot_be_tapped_are_refused(
    model: str, path: str, size: int, message: str | None
) -> None:
    with torch.device("meta"):
        network = models.build(model)
    if message is None:
        with pytest.raises(StageError):
            layer_shapes(network, {"x": path}, size)
    else:
        with pytest.raises(StageError, match=message):
            layer_shapes(network, {"x": path}, size)
