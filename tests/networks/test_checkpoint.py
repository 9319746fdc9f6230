import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stages.networks import models
from stages.networks.weights import state_dict
from stages.runtime.errors import StageError

SQUEEZE = "torchvision/squeezenet1_1"


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def from_file(content: object, folder: Path, model: str = SQUEEZE) -> Mapping[str, Tensor]:
    torch.save(content, folder / "own.pth")
    return state_dict({"model": model, "weights": str(folder / "own.pth")})


@pytest.mark.parametrize("key", ["state_dict", "model", "teacher", "student", "model_state_dict"])
def test_a_checkpoint_is_unwrapped_and_said(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = models.build(SQUEEZE).state_dict()
    assert same(from_file({"epoch": 3, key: dict(state)}, tmp_path), state)
    assert f"own.pth: the state dict is that under {key!r}" in capsys.readouterr().out


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "encoder.", "model.", "module.backbone."])
def test_a_prefix_of_the_names_is_dropped_and_said(
    prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stands beside it, such as a projection head, is left out."""
    state = models.build(SQUEEZE).state_dict()
    content = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    assert same(from_file({**content, "projector.weight": torch.ones(2)}, tmp_path), state)
    assert f"lose the prefix {prefix}; projector.weight have another one" in capsys.readouterr().out


def test_a_prefix_that_is_a_module_of_the_model_stays(tmp_path: Path) -> None:
    """Torchvision's vision transformers have a module `encoder`."""
    model = "torchvision/vit_b_32"
    state = dict(models.build(model).state_dict())
    content = {f"encoder.{name}": tensor for name, tensor in state.items()}
    assert same(from_file(content, tmp_path, model), state)
    assert same(from_file(state, tmp_path, model), state)


def test_no_code_is_run_from_a_weights_file(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "own.pth").write_bytes(pickle.dumps({"a": Evil()}, protocol=2))
    with pytest.raises(StageError, match="plain state dict"):
        state_dict({"model": SQUEEZE, "weights": str(tmp_path / "own.pth")})
    with pytest.raises(StageError, match="plain state dict"):
        from_file({"a": Evil()}, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_anything_but_a_state_dict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="plain state dict"):
        from_file({"epoch": 3, "model": {}}, tmp_path)


def test_a_file_of_weights_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no such file"):
        state_dict({"model": SQUEEZE, "weights": str(tmp_path / "own.pth")})
