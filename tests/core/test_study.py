from typing import Any

import pytest
from conftest import ROOT

from stages.core import config, study
from stages.core.command import StageError


def test_the_default_study() -> None:
    shapes = study.check(config.load(ROOT / "params.yaml"))
    assert study.features(shapes["vgg16"]["pool1"]) == 802_816
    assert shapes["vgg16"]["pool4"] == (512, 14, 14)
    assert study.features(shapes["resnet50"]["avgpool"]) == 2048
    assert study.features(shapes["efficientnet_lite0"]["avgpool"]) == 1280


def test_an_error_names_its_backbone(small: dict[str, Any]) -> None:
    small["backbones"]["shuffle"]["layers"]["x"] = "stage9"
    with pytest.raises(StageError, match="backbone shuffle: expected layer x .* stage2"):
        study.check(small)
