from typing import Any

import pytest
from support.study import ROOT

from stages.networks.layers import check_backbones, feature_count
from stages.runtime.errors import StageError
from stages.runtime.params import load_params


def test_the_default_study() -> None:
    shapes = check_backbones(load_params(ROOT / "params.yaml"))
    assert feature_count(shapes["vgg16"]["pool1"]) == 802_816
    assert shapes["vgg16"]["pool4"] == (512, 14, 14)
    assert feature_count(shapes["resnet50"]["avgpool"]) == 2048
    assert feature_count(shapes["efficientnet_lite0"]["avgpool"]) == 1280


def test_an_error_names_its_backbone(small: dict[str, Any]) -> None:
    small["backbones"]["shuffle"]["layers"]["x"] = "stage9"
    with pytest.raises(StageError, match="backbone shuffle: expected layer x .* stage2"):
        check_backbones(small)
