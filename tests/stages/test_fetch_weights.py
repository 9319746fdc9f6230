from pathlib import Path
from typing import Any

import pytest
import torch

from stages import fetch_weights
from stages.networks import models
from stages.runtime.errors import StageError


def test_weights_name_their_backbone_in_an_error(small: dict[str, Any], study: Any) -> None:
    small["backbones"]["squeeze"]["weights"] = "data/own/weights/absent.pth"
    folder = study(small)
    with pytest.raises(
        StageError, match="backbone squeeze: expected a state dict at data/own/weights/absent"
    ):
        fetch_weights.main("squeeze", weights=folder / "w.pth")
    assert not (folder / "w.pth").exists()


def test_weights_writes_a_plain_state_dict(folder: Path) -> None:
    fetch_weights.main("shuffle", weights=folder / "out" / "w.pth")
    state = torch.load(folder / "out" / "w.pth", weights_only=True)
    assert type(state) is dict
    models.build("torchvision/shufflenet_v2_x0_5").load_state_dict(state)


def test_weights_looks_at_the_whole_study_first(small: dict[str, Any], study: Any) -> None:
    small["backbones"]["shuffle"]["layers"]["stage2"] = "stage22"
    folder = study(small)
    with pytest.raises(StageError, match="backbone shuffle: expected layer stage2"):
        fetch_weights.main("squeeze", weights=folder / "w.pth")
