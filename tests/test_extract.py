import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages import extract, prepare, weights
from stages.core import backbones, synthetic
from stages.core.features import Features, Writer
from stages.core.pixels import Pixels


def images_of(folder: Path, count: int = 3) -> None:
    synthetic.write(folder / "images", classes=3, images_per_class=count)
    prepare.main(images=folder / "images", pixels=folder / "images.h5", timings=folder / "t.json")


def run_extract(folder: Path, backbone: str, name: str) -> Path:
    weights.main(backbone, weights=folder / "w.pth")
    extract.main(
        backbone,
        pixels=folder / "images.h5",
        weights=folder / "w.pth",
        features=folder / name,
        timings=folder / "t.json",
    )
    return folder / name


def test_extract_normalises_and_repeats_the_grey_channel(
    folder: Path, small: dict[str, Any], study: Any
) -> None:
    small["backbones"]["squeeze"].update(mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])
    small["extract"]["storage"] = "float32"
    study(small)
    images_of(folder)
    stored = Features(run_extract(folder, "squeeze", "features") / "pool1.h5")
    pixels = torch.from_numpy(Pixels(folder / "images.h5")[0:9]).float() / 255
    mean, std = (
        torch.tensor(small["backbones"]["squeeze"][k]).view(1, 3, 1, 1) for k in ("mean", "std")
    )
    network = backbones.build("torchvision/squeezenet1_1")
    network.load_state_dict(torch.load(folder / "w.pth", weights_only=True))
    with torch.inference_mode():
        expected = network.features[:3]((pixels.repeat(1, 3, 1, 1) - mean) / std).flatten(1)  # type: ignore[index]
    assert np.allclose(np.hstack(list(stored.blocks())), expected, rtol=1e-4, atol=1e-5)
    assert stored.attributes["module"] == "features.2"


def test_the_timings_tell_what_a_cut_pass_costs(folder: Path) -> None:
    images_of(folder)
    run_extract(folder, "squeeze", "features")
    layers = json.loads((folder / "t.json").read_text())["layers"]
    assert 0 < layers["pool1"]["forward_seconds"] < layers["pool2"]["forward_seconds"]
    assert layers["pool1"]["write_seconds"] > 0


def test_an_extraction_that_fails_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images_of(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "append", full)
    with pytest.raises(OSError, match="No space left"):
        run_extract(folder, "squeeze", "features")
    assert not [path for path in folder.iterdir() if "features" in path.name]
