"""Show example images to a backbone: its predictions and its activation maps.

    dvc repro inspect_network@vgg16

Reads data/pixels/<view>.h5, data/index.csv, data/weights/<b>.pth, data/own/examples/ and
`inspect_network` of params.yaml. Each of `inspect_network.images` is shown normalised and not, in
evaluation and in train mode; all test images too, except not normalised in train mode. Writes to
data/inspection/<b>/: seen.h5 (for `draw`), answers.csv (the five most probable classes) and answers.json
(how often the most probable class changes).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from tqdm import tqdm

from stages.dataset import index
from stages.dataset.pixels import Pixels
from stages.inspection import activation_maps, example_images, imagenet_classes, record
from stages.networks import head, inference, models
from stages.networks.layers import check_backbones, layer_shapes
from stages.networks.taps import Taps
from stages.runtime import command, devices, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.tap import Entry, Tap
from stages.runtime.view import seen_by, view_of

MAPS = 64  # of the first convolution, at most; VGG16 has 64
MAPS_BY_DEPTH = 10  # of each tapped layer, with the largest variance

Rows = NDArray[np.int64]


def main(backbone: str, *, paths: Paths) -> None:
    """Write the maps and the predictions of `backbone`."""
    params = load_params()
    shapes, settings = check_backbones(params)[backbone], params["inspect_network"]
    entry, device = params["backbones"][backbone], devices.choose(params["runtime"]["device"])
    pixels, split = Pixels(paths.pixels(entry["view"])), index.read(paths.index)
    test = np.flatnonzero(split.test)
    view, own = view_of(params, backbone), paths.own_examples
    names, examples = example_images.choose(settings["images"], pixels, split, own, view)
    viewer = Viewer(entry, paths.weights(backbone), device, settings["batch_size"])
    first, maps = see_maps(viewer, entry["layers"], examples, names)
    seen = record.Inspection(
        model=entry["model"],
        weights=entry["weights"],
        view=seen_by(params, backbone),
        recipe=str(models.recipe(entry) or ""),
        names=names,
        pixels=examples,
        first=first,
        maps=maps,
        shapes=shapes,
        facts=describe_pixels(pixels, test) | viewer.facts,
        said=ask(viewer, entry, examples, pixels, test),
    )
    record.write(paths.inspection(backbone), seen)
    write_answers(paths, backbone, seen)


class Viewer:
    """A network that predicts pixels (b, c, s, s) under one of `CONDITIONS`."""

    def __init__(
        self, entry: Mapping[str, Any], weights: Path, device: torch.device, batch_size: int
    ) -> None:
        self.network = inference.load_network(entry, weights, device)
        self.batch_size = batch_size
        self.normalise = inference.Normalise(entry, device)
        self.facts = {key: getattr(self.normalise, key) for key in ("colours", "mean", "std")}

    def set_mode(self, condition: int) -> None:
        """Put the network in evaluation or train mode as in `CONDITIONS`; seed its dropout."""
        torch.manual_seed(0)
        # Only the layers: the network's own train mode also runs auxiliary heads, which are no part of
        # the prediction.
        for child in self.network.children():
            child.train(condition >= 2)

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8], condition: int) -> NDArray[np.float32]:
        """Probabilities (b, k): the softmax of the network's outputs."""
        outputs: Tensor = self.network(self.normalise(pixels, normalised=condition % 2 == 0))
        return outputs.softmax(dim=1).float().cpu().numpy()

    @property
    def batch_norm(self) -> bool:
        """Whether the network has batch norm."""
        return any(isinstance(module, _BatchNorm) for module in self.network.modules())

    def dropout(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether two passes in train mode differ, by dropout or the like."""
        self.set_mode(2)
        return not np.allclose(self(pixels, 2), self(pixels, 2), rtol=1e-3)


def see_maps(
    viewer: Viewer, layers: Mapping[str, Entry], examples: NDArray[np.uint8], names: list[str]
) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """The path of the first convolution ("" for none), and the maps of each layer that is not pooled."""
    network, size = viewer.network, examples.shape[-1]
    first = activation_maps.first_convolution(network, size) or ""
    unpooled = {layer: entry for layer, entry in layers.items() if Tap.of(entry).pool == "none"}
    tapped = {**unpooled, **({record.FIRST: first} if first else {})}
    shapes = layer_shapes(network, tapped, size)
    with Taps(network, tapped, torch.float32) as taps:
        features = taps(viewer.normalise(examples), names)
    chosen = {}
    for layer, shape in shapes.items():
        maps = activation_maps.as_maps(features[layer].numpy(), shape)
        if layer == record.FIRST and maps is not None:
            chosen[layer] = maps[:, :MAPS]
        elif maps is not None:
            chosen[layer] = maps[:, activation_maps.most_varied(maps, MAPS_BY_DEPTH)]
    return first, chosen


def ask(
    viewer: Viewer, entry: Mapping[str, Any], examples: NDArray[np.uint8], pixels: Pixels, test: Rows
) -> record.Predictions | str:
    """The predictions for the example images and all test images, or the reason why there are none.

    Weights without a head predict nothing. In train mode, batch norm makes a prediction depend on the
    whole batch. A test image shares its batch with random test images; an example image shares it with
    the first of them, the `company`.
    """
    if missing := head.lacking(viewer.network.state_dict()):
        return f"its weights have no head ({missing[0].rpartition('.')[0]} is missing)"
    try:
        classes = list(imagenet_classes.classes(entry, outputs=viewer(examples[:1], 0).shape[1]))
    except imagenet_classes.NoClasses as reason:
        return str(reason)
    order = np.random.default_rng(0).permutation(test)
    company = pixels[np.sort(order[: viewer.batch_size - 1])]
    shown, test_answers = [], []
    # Evaluation mode comes first, as train mode changes the running averages of batch norm.
    for condition, name in enumerate(record.CONDITIONS):
        viewer.set_mode(condition)
        shown.append([viewer(batch, condition)[0] for batch in joined(examples, company, condition)])
        if condition < len(record.TRIED_ON_ALL):
            test_answers.append(ask_all(viewer, pixels, order, condition, name))
    probability = np.array(shown).swapaxes(0, 1)
    best = np.argsort(-probability, axis=2, kind="stable")[:, :, : record.TOP]
    return record.Predictions(
        classes=classes,
        best=best,
        probability=np.take_along_axis(probability, best, axis=2),
        rows=test,
        all_best=np.array([best for best, _ in test_answers])[:, test],
        all_probability=np.array([probability for _, probability in test_answers])[:, test],
        batch_norm=viewer.batch_norm,
        dropout=viewer.dropout(company),
    )


def joined(
    examples: NDArray[np.uint8], company: NDArray[np.uint8], condition: int
) -> Iterator[NDArray[np.uint8]]:
    """Each example image as a batch of one; in train mode, followed by `company`."""
    rgb = np.broadcast_to(company, (len(company), *examples.shape[1:]))
    for image in examples:
        yield np.concatenate([image[None], rgb]) if condition >= 2 else image[None]


def ask_all(
    viewer: Viewer, pixels: Pixels, order: Rows, condition: int, name: str
) -> tuple[Rows, NDArray[np.float32]]:
    """The most probable class and its probability of each row, (n,); -1 and 0 if not in `order`."""
    best = np.full(len(pixels.keys), -1)
    probability = np.zeros(len(pixels.keys), dtype=np.float32)
    size = viewer.batch_size
    for start in tqdm(range(0, len(order), size), desc=f"inspect_network: {name}", unit="batch"):
        # The last batch is filled up, so that batch norm sees batches of one size.
        rows = np.unique(np.concatenate([order[start : start + size], order])[:size])
        answers = viewer(pixels[rows], condition)
        best[rows], probability[rows] = answers.argmax(axis=1), answers.max(axis=1)
    return best, probability


def describe_pixels(pixels: Pixels, test: Rows) -> dict[str, Any]:
    """The number of channels, and mean and deviation (pixels from 0 to 1) of red, green and blue."""
    sums = np.zeros((2, 3))
    for start in range(0, len(test), 256):
        block = pixels[test[start : start + 256]] / 255
        channels = block.shape[1]
        sums += np.array([block.mean((2, 3)).sum(0), (block**2).mean((2, 3)).sum(0)])
    mean, square = sums / len(test)
    std = np.sqrt(square - mean**2)
    return {"channels": channels, "pixel_mean": mean.tolist(), "pixel_std": std.tolist()}


def write_answers(paths: Paths, backbone: str, seen: record.Inspection) -> None:
    """Write the predictions (csv: image, condition, rank) and their summary, or a note (json)."""
    said = seen.said
    lines = [] if isinstance(said, str) else said.lines(seen.names)
    columns = ["image", "condition", "rank", "class", "probability"]
    files.write_csv(paths.answers(backbone, ".csv"), columns, lines)
    summary = {"note": said} if isinstance(said, str) else said.summary()
    files.write_json(paths.answers(backbone, ".json"), summary)


if __name__ == "__main__":
    command.run(main)
