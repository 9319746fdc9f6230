"""Show some images to a backbone: what it calls them, and what its layers make of them.

    dvc repro inspect_network@vgg16

Reads data/images.h5, data/index.csv, data/weights/<b>.pth, data/own/examples/ and `inspect_network` of
params.yaml. Each of `inspect_network.images` is shown normalised and not, in evaluation and in train
mode; all test images likewise, but for the last combination. Writes data/inspection/<b>.h5 (which `draw`
draws), results/inspection/<b>.csv (the five most probable classes) and results/inspection/<b>.json (how
often the most probable class changes).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from stages.dataset import index
from stages.dataset.pixels import Pixels
from stages.inspection import activation_maps, example_images, imagenet_classes, record
from stages.networks import inference
from stages.networks.layers import check_backbones, layer_shapes
from stages.networks.taps import Taps
from stages.runtime import command, devices, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths

MAPS = 64  # of the first convolution, at most; VGG16 has 64
MAPS_BY_DEPTH = 10  # of each tapped layer: those that vary most

Rows = NDArray[np.int64]


def main(backbone: str, *, paths: Paths) -> None:
    """Write what `backbone` sees."""
    params = load_params()
    shapes, settings = check_backbones(params)[backbone], params["inspect_network"]
    entry, device = params["backbones"][backbone], devices.choose(params["runtime"]["device"])
    pixels, split = Pixels(paths.pixels), index.read(paths.index)
    test = np.flatnonzero(~split.train)
    names, examples = example_images.choose(settings["images"], pixels, split, paths.own_examples)
    viewer = Viewer(entry, paths.weights(backbone), device, settings["batch_size"])
    first, maps = see_maps(viewer, entry["layers"], examples, names)
    seen = record.Inspection(
        model=entry["model"],
        weights=entry["weights"],
        names=names,
        pixels=examples,
        first=first,
        maps=maps,
        shapes=shapes,
        facts=describe_pixels(pixels, test) | {"mean": viewer.mean, "std": viewer.std},
        said=ask(viewer, entry, examples, pixels, test),
    )
    record.write(paths.inspection(backbone), seen)
    write_answers(paths, backbone, seen)


class Viewer:
    """A network that is shown pixels (b, c, s, s) under one of `CONDITIONS`."""

    def __init__(
        self, entry: Mapping[str, Any], weights: Path, device: torch.device, batch_size: int
    ) -> None:
        self.network = inference.load_network(entry, weights, device)
        self.batch_size = batch_size
        self.normalise = inference.Normalise(entry, device)
        self.mean, self.std = self.normalise.mean, self.normalise.std

    def set_mode(self, condition: int) -> None:
        """Put the network in evaluation or train mode, as `CONDITIONS` has it; seed its dropout."""
        torch.manual_seed(0)
        # Its layers, not itself: only to itself does a network say to run auxiliary heads, which have
        # no part in its answer.
        for child in self.network.children():
            child.train(condition >= 2)

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8], condition: int) -> NDArray[np.float32]:
        """Probabilities (b, k): the softmax of the network's outputs."""
        outputs: Tensor = self.network(self.normalise(pixels, normalised=condition % 2 == 0))
        return outputs.softmax(dim=1).float().cpu().numpy()


def see_maps(
    viewer: Viewer, layers: Mapping[str, str], examples: NDArray[np.uint8], names: list[str]
) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """The path of the first convolution ("" for none), and the maps of the chosen images by layer."""
    network, size = viewer.network, examples.shape[-1]
    first = activation_maps.first_convolution(network, size) or ""
    tapped = {**layers, **({record.FIRST: first} if first else {})}
    shapes = layer_shapes(network, tapped, size)
    with Taps(network, tapped, torch.float32) as taps:
        features = taps(viewer.normalise(examples), names)
    found = {}
    for layer, shape in shapes.items():
        maps = activation_maps.as_maps(features[layer].numpy(), shape)
        if layer == record.FIRST and maps is not None:
            found[layer] = maps[:, :MAPS]
        elif maps is not None:
            found[layer] = maps[:, activation_maps.most_varied(maps, MAPS_BY_DEPTH)]
    return first, found


def ask(
    viewer: Viewer, entry: Mapping[str, Any], examples: NDArray[np.uint8], pixels: Pixels, test: Rows
) -> record.Predictions | str:
    """What the network says of the chosen and of all test images; or why it has nothing to say.

    In train mode batch norm looks at the whole batch, so the company matters: a test image shares its
    batch with others drawn at random, a chosen one with the first of those.
    """
    try:
        classes = list(imagenet_classes.classes(entry, outputs=viewer(examples[:1], 0).shape[1]))
    except imagenet_classes.NoClasses as reason:
        return str(reason)
    order = np.random.default_rng(0).permutation(test)
    company = pixels[np.sort(order[: viewer.batch_size - 1])]
    shown, found = [], []
    # Evaluation mode comes first: train mode moves batch norm's running averages.
    for condition, name in enumerate(record.CONDITIONS):
        viewer.set_mode(condition)
        shown.append([viewer(batch, condition)[0] for batch in joined(examples, company, condition)])
        if condition < len(record.TRIED_ON_ALL):
            found.append(ask_all(viewer, pixels, order, condition, name))
    probability = np.array(shown).swapaxes(0, 1)
    best = np.argsort(-probability, axis=2, kind="stable")[:, :, : record.TOP]
    return record.Predictions(
        classes=classes,
        best=best,
        probability=np.take_along_axis(probability, best, axis=2),
        rows=test,
        all_best=np.array([best for best, _ in found])[:, test],
        all_probability=np.array([probability for _, probability in found])[:, test],
    )


def joined(
    examples: NDArray[np.uint8], company: NDArray[np.uint8], condition: int
) -> Iterator[NDArray[np.uint8]]:
    """Each chosen image in a batch of its own, in train mode with `company` behind it."""
    rgb = np.broadcast_to(company, (len(company), *examples.shape[1:]))
    for image in examples:
        yield np.concatenate([image[None], rgb]) if condition >= 2 else image[None]


def ask_all(
    viewer: Viewer, pixels: Pixels, order: Rows, condition: int, name: str
) -> tuple[Rows, NDArray[np.float32]]:
    """The most probable class and its probability, by row (n,); -1 and 0 where not in `order`."""
    best = np.full(len(pixels.keys), -1)
    probability = np.zeros(len(pixels.keys), dtype=np.float32)
    size = viewer.batch_size
    for start in tqdm(range(0, len(order), size), desc=name, unit="batch"):
        # The last batch is filled up: batch norm wants as much company for everyone.
        rows = np.unique(np.concatenate([order[start : start + size], order])[:size])
        answers = viewer(pixels[rows], condition)
        best[rows], probability[rows] = answers.argmax(axis=1), answers.max(axis=1)
    return best, probability


def describe_pixels(pixels: Pixels, test: Rows) -> dict[str, Any]:
    """Channels of the images, and mean and deviation (0 to 1) of the three that a network is shown."""
    sums = np.zeros((2, 3))
    for start in range(0, len(test), 256):
        block = pixels[test[start : start + 256]] / 255
        channels = block.shape[1]
        sums += np.array([block.mean((2, 3)).sum(0), (block**2).mean((2, 3)).sum(0)])
    mean, square = sums / len(test)
    std = np.sqrt(square - mean**2)
    return {"channels": channels, "pixel_mean": mean.tolist(), "pixel_std": std.tolist()}


def write_answers(paths: Paths, backbone: str, seen: record.Inspection) -> None:
    """Write a csv line per image, condition and rank; and shares of the test images, or a note."""
    said = seen.said
    lines = [] if isinstance(said, str) else said.lines(seen.names)
    columns = ["image", "condition", "rank", "class", "probability"]
    files.write_csv(paths.answers(backbone, ".csv"), columns, lines)
    summary = {"note": said} if isinstance(said, str) else said.summary()
    files.write_json(paths.answers(backbone, ".json"), summary)


if __name__ == "__main__":
    command.run(main)
