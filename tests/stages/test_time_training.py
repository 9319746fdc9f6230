import json
from typing import Any

import pytest
import torch

from stages import time_training
from stages.networks import models
from stages.runtime.paths import Paths


@pytest.mark.usefixtures("folder")
def test_the_time_of_a_step_is_written() -> None:
    time_training.main("squeeze", paths=Paths())
    found = json.loads(Paths().timings("time_training", "squeeze").read_text())
    assert 0 < found["seconds_per_image"] < 60
    assert found["images"] == time_training.IMAGES
    assert found["processor"]


@pytest.mark.parametrize("model", ["torchvision/shufflenet_v2_x0_5", "torchvision/googlenet"])
def test_a_step_trains_the_network(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parameter moves that the output depends on; parameters of auxiliary heads do not."""
    built = []

    def build(name: str) -> torch.nn.Module:
        built.append(original(name))
        return built[-1]

    original = models.build
    monkeypatch.setattr(models, "build", build)
    monkeypatch.setattr(torch.optim, "SGD", lambda p, lr: sgd(p, lr=1.0))
    time_training.step_seconds(model, 64, torch.device("cpu"))
    assert len(built) == 1
    torch.manual_seed(0)
    before: dict[str, Any] = dict(original(model).named_parameters())
    moved = {
        name: not torch.equal(parameter, before[name]) for name, parameter in built[0].named_parameters()
    }
    assert any(moved.values())
    assert all(moves != name.startswith("aux") for name, moves in moved.items())


sgd = torch.optim.SGD
