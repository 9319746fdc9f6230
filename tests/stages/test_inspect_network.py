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
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.sources import synthetic

Study = Callable[[dict[str, Any]], Path]


def test_a_network_without_a_head_shows_its_maps_only(headed: dict[str, Any], study: Study) -> None:
    """A layer that needs the head is refused before anything is shown."""
    study(headed)
    run("shuffle")
    path = Paths().weights("shuffle")
    state = torch.load(path, weights_only=True)
    torch.save({**state, "fc.weight": torch.full_like(state["fc.weight"], torch.nan)}, path)
    with pytest.raises(StageError, match=r"layer last \(fc\) .* without fc, which runs before"):
        run("shuffle")
    del headed["backbones"]["shuffle"]["layers"]["last"]
    study(headed)
    seen = run("shuffle")
    assert seen.said == "its weights have no head (fc is missing)"
    assert list(seen.maps) == [record.FIRST, "stage2", "stage4"]


def test_pooled_layers_are_not_drawn_as_maps(headed: dict[str, Any], study: Study) -> None:
    layers = headed["backbones"]["shuffle"]["layers"]
    layers.update(mean={"module": "stage2", "pool": "mean"}, grid={"module": "stage2", "pool": "grid2"})
    study(headed)
    seen = run("shuffle")
    assert seen.shapes["grid"] == (48, 2, 2)
    assert list(seen.maps) == [record.FIRST, "stage2", "stage4"]


@pytest.fixture
def headed(small: dict[str, Any]) -> dict[str, Any]:
    """A study of one network with a file of weights of the user's own and 1,000 outputs."""
    small["backbones"] = {
        "shuffle": {
            "model": "torchvision/shufflenet_v2_x0_5",
            "weights": "data/own/weights/mine.pth",
            "view": "square64",
            "layers": {"stage2": "stage2", "stage4": "stage4", "last": "fc"},
        }
    }
    only(small, "shuffle/stage2")
    return small


def run(backbone: str) -> record.Inspection:
    """Make the images and the weights of the study in the current folder; run the stage."""
    paths = Paths()
    if not paths.pixels("square64").exists():
        synthetic.write(paths.images, classes=3, images_per_class=12)
        decode.main("square64", paths=paths)
        keys = Pixels(paths.pixels("square64")).keys
        index.write(paths.index, index.Index(keys, index.Split.complete(np.arange(len(keys)) % 2 == 0)))
        torch.manual_seed(0)
        network = models.build(load_params()["backbones"][backbone]["model"])
        # Statistics that differ from every batch's, as those of a trained network do.
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
        paths.weights(backbone).parent.mkdir()
        torch.save(network.state_dict(), paths.weights(backbone))
    inspect_network.main(backbone, paths=paths)
    return record.read(paths.inspection(backbone))


def written(backbone: str) -> list[Path]:
    """The three files that the stage writes."""
    paths = Paths()
    answers = [paths.answers(backbone, suffix) for suffix in (".csv", ".json")]
    return [paths.inspection(backbone), *answers]


def test_answers_are_the_networks_own(headed: dict[str, Any], study: Study) -> None:
    study(headed)
    seen = run("shuffle")
    assert isinstance(seen.said, record.Predictions)
    network = models.build("torchvision/shufflenet_v2_x0_5")
    network.load_state_dict(torch.load(Paths().weights("shuffle"), weights_only=True))
    images = Pixels(Paths().pixels("square64"))
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
    """One batch holds all test images; the test runs it by hand in train mode."""
    headed["inspect_network"] = {"images": 2, "batch_size": 18}
    study(headed)
    seen = run("shuffle")
    assert isinstance(seen.said, record.Predictions)
    network = models.build("torchvision/shufflenet_v2_x0_5")
    network.load_state_dict(torch.load(Paths().weights("shuffle"), weights_only=True))
    network.train()
    grey = torch.from_numpy(Pixels(Paths().pixels("square64"))[seen.said.rows]).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    batch = (grey.repeat(1, 3, 1, 1) - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    with torch.inference_mode():
        expected = network(batch).softmax(1)
    assert np.allclose(seen.said.all_probability[2], expected.max(1).values, rtol=1e-3)
    assert (seen.said.all_best[2] == expected.argmax(1).numpy()).mean() > 0.9
    assert not np.array_equal(seen.said.all_best[2], seen.said.all_best[0])


def test_two_inspections_make_the_same_bytes(headed: dict[str, Any], study: Study) -> None:
    study(headed)
    run("shuffle")
    first = [path.read_bytes() for path in written("shuffle")]
    torch.rand(5)
    run("shuffle")
    assert [path.read_bytes() for path in written("shuffle")] == first


def test_table_and_metrics_agree_with_the_file(headed: dict[str, Any], study: Study) -> None:
    study(headed)
    seen = run("shuffle")
    assert isinstance(seen.said, record.Predictions)
    lines = files.read_csv(Paths().answers("shuffle", ".csv"))
    assert len(lines) == 2 * 4 * 5
    assert {line["image"] for line in lines} == set(seen.names)
    assert lines[0]["class"] == seen.said.classes[seen.said.best[0, 0, 0]]
    metrics = json.loads(Paths().answers("shuffle", ".json").read_text())
    assert metrics == pytest.approx(seen.said.summary())
    changed = (seen.said.all_best[2] != seen.said.all_best[0]).mean()
    assert metrics["train_mode_changed"] == changed


def test_maps_are_what_the_layers_put_out(headed: dict[str, Any], study: Study) -> None:
    study(headed)
    seen = run("shuffle")
    assert seen.first == "conv1.0"
    assert list(seen.shapes) == ["stage2", "stage4", "last"]
    assert seen.maps[record.FIRST].shape == (2, 24, 32, 32)
    assert seen.maps["stage2"].shape == (2, inspect_network.MAPS_BY_DEPTH, 8, 8)
    assert "last" not in seen.maps  # 1,000 numbers have no plane
    network = models.build("torchvision/shufflenet_v2_x0_5")
    network.load_state_dict(torch.load(Paths().weights("shuffle"), weights_only=True))
    pixels = torch.from_numpy(seen.pixels).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = network.conv1[0]((pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))  # type: ignore[index]
    assert np.allclose(seen.maps[record.FIRST], expected, atol=1e-4)


@pytest.mark.usefixtures("folder")
def test_random_weights_say_so_and_still_have_maps() -> None:
    seen = run("squeeze")
    assert isinstance(seen.said, str)
    assert "random" in seen.said
    assert set(seen.maps) == {record.FIRST, "pool1", "pool2"}
    assert Paths().answers("squeeze", ".csv").read_text() == "image,condition,rank,class,probability\n"
    assert json.loads(Paths().answers("squeeze", ".json").read_text()) == {"note": seen.said}


def test_pixels_are_described(headed: dict[str, Any], study: Study) -> None:
    study(headed)
    facts = run("shuffle").facts
    lines = files.read_csv(Paths().index)
    test = [int(line["row"]) for line in lines if line["split"] == "test"]
    grey = Pixels(Paths().pixels("square64"))[np.array(test)] / 255
    assert facts["channels"] == 1
    assert facts["pixel_mean"] == pytest.approx([grey.mean()] * 3)
    assert facts["pixel_std"] == pytest.approx([grey.std()] * 3)
    assert facts["mean"] == [0.485, 0.456, 0.406]


def test_an_image_of_the_users_own_is_shown(headed: dict[str, Any], study: Study) -> None:
    headed["inspect_network"]["images"] = ["mine.png"]
    study(headed)
    Paths().own_examples.mkdir(parents=True)
    Image.new("RGBA", (80, 60), (250, 120, 0, 128)).save(Paths().own_examples / "mine.png")
    seen = run("shuffle")
    assert seen.names == ["mine.png"]
    assert seen.pixels[0, :, 9, 9].tolist() == [250, 120, 0]


@pytest.mark.parametrize(
    ("model", "layers", "shape"),
    [
        ("timm/vit_tiny_patch16_224", {"block1": "blocks.1", "pooled": "fc_norm"}, (2, 10, 14, 14)),
        ("timm/swin_tiny_patch4_window7_224", {"block1": "layers.1"}, (2, 10, 28, 28)),
    ],
)
def test_transformers_have_maps(
    model: str,
    layers: dict[str, str],
    shape: tuple[int, ...],
    small: dict[str, Any],
    study: Study,
) -> None:
    entry = {"model": model, "weights": "random", "view": "square64", "layers": layers}
    small["backbones"] = {"vit": entry}
    only(small, "vit/block1")
    small["views"]["square64"]["size"] = 224
    study(small)
    seen = run("vit")
    assert {layer: maps.shape for layer, maps in seen.maps.items() if layer != record.FIRST} == {
        "block1": shape
    }


def test_a_layer_that_puts_out_a_tuple_is_named(small: dict[str, Any], study: Study) -> None:
    small["backbones"] = {
        "vit": {
            "model": "torchvision/vit_b_16",
            "weights": "random",
            "view": "square64",
            "layers": {"attention": "encoder.layers.encoder_layer_0.self_attention"},
        }
    }
    only(small, "vit/attention")
    small["views"]["square64"]["size"] = 224
    study(small)
    with pytest.raises(
        StageError, match=r"backbone vit: .*layer attention .*; found tuple as its output"
    ):
        run("vit")
