from typing import Any

import pytest
import torch

from stages import fetch_weights
from stages.networks import models
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths


def test_an_error_names_the_backbone(small: dict[str, Any], study: Any) -> None:
    small["backbones"]["squeeze"]["weights"] = "data/own/weights/absent.pth"
    study(small)
    with pytest.raises(
        StageError, match="backbone squeeze: expected a state dict at data/own/weights/absent"
    ):
        fetch_weights.main("squeeze", paths=Paths())
    assert not Paths().weights("squeeze").exists()


@pytest.mark.usefixtures("folder")
def test_fetch_weights_writes_a_plain_state_dict() -> None:
    fetch_weights.main("shuffle", paths=Paths())
    state = torch.load(Paths().weights("shuffle"), weights_only=True)
    assert type(state) is dict
    models.build("torchvision/shufflenet_v2_x0_5").load_state_dict(state)


def test_fetch_weights_checks_the_whole_study_first(small: dict[str, Any], study: Any) -> None:
    small["backbones"]["shuffle"]["layers"]["stage2"] = "stage22"
    study(small)
    with pytest.raises(StageError, match="backbone shuffle: expected layer stage2"):
        fetch_weights.main("squeeze", paths=Paths())
