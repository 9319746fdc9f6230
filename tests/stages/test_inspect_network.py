import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.study import only
from torch import nn

from stages import decode, inspect_network
from stages.dataset import index
from stages.dataset.pixels import Pixels
from stages.inspection import record
from stages.networks import models
from stages.runtime.errors import StageError
from stages.sources import synthetic

Study = Callable[[dict[str, Any]], Path]


@pytest.fixture
def headed(small: dict[str, Any]) -> dict[str, Any]:
    """A study of one network whose weights count as trained: a file of one's own, 1,000 outputs."""
    small["backbones"] = {
        "shuffle": {
            "model": "torchvision/shufflenet_v2_x0_5",
            "weights": "data/own/weights/mine.pth",
            "layers": {"stage2": "stage2", "stage4": "stage4", "last": "fc"},
        }
    }
    only(small, "shuffle/stage2")
    return small


def run(folder: Path, backbone: str, name: str = "1") -> record.Inspection:
    """Make the images and the weights of the study in `folder`, and run the stage."""
    if not (folder / "images.h5").exists():
        synthetic.write(folder / "images", classes=3, images_per_class=12)
        decode.main(images=folder / "images", pixels=folder / "images.h5", timings=folder / "t.json")
        keys = index.list_images(folder / "images")
        index.write(folder / "index.csv", index.Index(keys, np.arange(len(keys)) % 2 == 0))
        torch.manual_seed(0)
        network = models.build(model_of(folder, backbone))
        # Statistics that differ from every batch's, as those of a trained network do.
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
        torch.save(network.state_dict(), folder / "w.pth")
    (folder / "own").mkdir(exist_ok=True)
    inspect_network.main(
        backbone,
        pixels=folder / "images.h5",
        rows=folder / "index.csv",
        weights=folder / "w.pth",
        own=folder / "own",
        seen=folder / f"{name}.h5",
        table=folder / f"{name}.csv",
        metrics=folder / f"{name}.json",
    )
    return record.read(folder / f"{name}.h5")


def model_of(folder: Path, backbone: str) -> str:
    from ruamel.yaml import YAML

    return str(YAML(typ="safe").load(folder / "params.yaml")["backbones"][backbone]["model"])


def test_what_it_says_is_what_the_network_says(headed: dict[str, Any], study: Study) -> None:
    folder = study(headed)
    seen = run(folder, "shuffle")
    assert isinstance(seen.said, record.Predictions)
    network = models.build("torchvision/shufflenet_v2_x0_5")
    network.load_state_dict(torch.load(folder / "w.pth", weights_only=True))
    images = Pixels(folder / "images.h5")
    grey = torch.from_numpy(images[0:36]).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = (grey.repeat(1, 3, 1, 1) - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    for condition, batch in ((0, normal), (1, grey.repeat(1, 3, 1, 1))):
        with torch.inference_mode():
            expected = network(batch).softmax(1)
        test = expected[seen.said.rows]
        assert np.array_equal(seen.said.all_best[condition], test.argmax(1))
        assert np.allclose(seen.said.all_probability[condition], test.max(1).values, rtol=1e-4)
        for image, name in enumerate(seen.names):
            top = expected[images.names.index(name)].topk(5)
            assert np.array_equal(seen.said.best[image, condition], top.indices)
            assert np.allclose(seen.said.probability[image, condition], top.values, rtol=1e-4)


def test_in_train_mode_the_batch_decides(headed: dict[str, Any], study: Study) -> None:
    """The one batch that holds all test images, put through by hand in train mode."""
    headed["glimpse"] = {"images": 2, "batch_size": 18}
    folder = study(headed)
    seen = run(folder, "shuffle")
    assert isinstance(seen.said, record.Predictions)
    network = models.build("torchvision/shufflenet_v2_x0_5")
    network.load_state_dict(torch.load(folder / "w.pth", weights_only=True))
    network.train()
    grey = torch.from_numpy(Pixels(folder / "images.h5")[seen.said.rows]).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    batch = (grey.repeat(1, 3, 1, 1) - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    with torch.inference_mode():
        expected = network(batch).softmax(1)
    assert np.allclose(seen.said.all_probability[2], expected.max(1).values, rtol=1e-3)
    assert (seen.said.all_best[2] == expected.argmax(1).numpy()).mean() > 0.9
    assert not np.array_equal(seen.said.all_best[2], seen.said.all_best[0])


def test_twice_the_same_whatever_came_before(headed: dict[str, Any], study: Study) -> None:
    folder = study(headed)
    run(folder, "shuffle", "1")
    torch.rand(5)
    run(folder, "shuffle", "2")
    for suffix in ("h5", "csv", "json"):
        assert (folder / f"1.{suffix}").read_bytes() == (folder / f"2.{suffix}").read_bytes()


def test_table_and_metrics_agree_with_the_file(headed: dict[str, Any], study: Study) -> None:
    folder = study(headed)
    seen = run(folder, "shuffle")
    assert isinstance(seen.said, record.Predictions)
    with (folder / "1.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * 4 * 5
    assert {line["image"] for line in lines} == set(seen.names)
    assert lines[0]["class"] == seen.said.classes[seen.said.best[0, 0, 0]]
    found = json.loads((folder / "1.json").read_text())
    assert found == pytest.approx(seen.said.summary())
    changed = (seen.said.all_best[2] != seen.said.all_best[0]).mean()
    assert found["train_mode_changed"] == changed


def test_maps_are_what_the_layers_put_out(headed: dict[str, Any], study: Study) -> None:
    folder = study(headed)
    seen = run(folder, "shuffle")
    assert seen.first == "conv1.0"
    assert list(seen.shapes) == ["stage2", "stage4", "last"]
    assert seen.maps[record.FIRST].shape == (2, 24, 32, 32)
    assert seen.maps["stage2"].shape == (2, inspect_network.MAPS_BY_DEPTH, 8, 8)
    assert "last" not in seen.maps  # 1,000 numbers have no plane
    network = models.build("torchvision/shufflenet_v2_x0_5")
    network.load_state_dict(torch.load(folder / "w.pth", weights_only=True))
    pixels = torch.from_numpy(seen.pixels).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = network.conv1[0]((pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))  # type: ignore[index]
    assert np.allclose(seen.maps[record.FIRST], expected, atol=1e-4)


def test_random_weights_say_so_and_still_have_maps(folder: Path) -> None:
    seen = run(folder, "squeeze")
    assert isinstance(seen.said, str)
    assert "random" in seen.said
    assert set(seen.maps) == {record.FIRST, "pool1", "pool2"}
    assert (folder / "1.csv").read_text() == "image,condition,rank,class,probability\n"
    assert json.loads((folder / "1.json").read_text()) == {"note": seen.said}


def test_pixels_are_described(headed: dict[str, Any], study: Study) -> None:
    folder = study(headed)
    facts = run(folder, "shuffle").facts
    with (folder / "index.csv").open() as file:
        test = [int(line["row"]) for line in csv.DictReader(file) if line["split"] == "test"]
    grey = Pixels(folder / "images.h5")[np.array(test)] / 255
    assert facts["channels"] == 1
    assert facts["pixel_mean"] == pytest.approx([grey.mean()] * 3)
    assert facts["pixel_std"] == pytest.approx([grey.std()] * 3)
    assert facts["mean"] == [0.485, 0.456, 0.406]


def test_an_image_of_ones_own(headed: dict[str, Any], study: Study) -> None:
    headed["glimpse"]["images"] = ["mine.png"]
    folder = study(headed)
    (folder / "own").mkdir()
    Image.new("RGBA", (80, 60), (250, 120, 0, 128)).save(folder / "own" / "mine.png")
    seen = run(folder, "shuffle")
    assert seen.names == ["mine.png"]
    assert seen.pixels[0, :, 9, 9].tolist() == [250, 120, 0]


@pytest.mark.parametrize(
    ("model", "layers", "shape"),
    [
        ("timm/vit_tiny_patch16_224", {"block1": "blocks.1", "pooled": "fc_norm"}, (2, 10, 14, 14)),
        ("timm/swin_tiny_patch4_window7_224", {"block1": "layers.1"}, (2, 10, 28, 28)),
    ],
)
def test_transformers_work(
    model: str,
    layers: dict[str, str],
    shape: tuple[int, ...],
    small: dict[str, Any],
    study: Study,
) -> None:
    small["backbones"] = {"vit": {"model": model, "weights": "random", "layers": layers}}
    only(small, "vit/block1")
    small["data"]["image_size"] = 224
    seen = run(study(small), "vit")
    assert {layer: maps.shape for layer, maps in seen.maps.items() if layer != record.FIRST} == {
        "block1": shape
    }


def test_a_layer_that_puts_out_a_tuple_is_named(small: dict[str, Any], study: Study) -> None:
    small["backbones"] = {
        "vit": {
            "model": "torchvision/vit_b_16",
            "weights": "random",
            "layers": {"attention": "encoder.layers.encoder_layer_0.self_attention"},
        }
    }
    only(small, "vit/attention")
    small["data"]["image_size"] = 224
    with pytest.raises(
        StageError, match=r"backbone vit: .*layer attention .*; found tuple as its output"
    ):
        run(study(small), "vit")
