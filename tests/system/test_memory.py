"""Resident memory stays bounded: 15 Scene's 4,485 rows, and the widest layers there are.

`make memory` measures the same on the real images.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support.examples import about
from support.process import finish
from support.study import only

from stages import decode
from stages.dataset import index, splits
from stages.features.segments import Segments
from stages.sources import synthetic

LIMIT = 2 * 2**30
N = 4485


def stage(folder: Path, *arguments: str) -> dict[str, Any]:
    finish(folder, *arguments, "--timings", "t.json")
    return dict(json.loads((folder / "t.json").read_text()))


def test_kernel_and_train(small: dict[str, Any], study: Callable[[dict[str, Any]], Path]) -> None:
    folder = study(small)
    keys = sorted((f"class{i % 15:02}", f"{i:05}.jpg") for i in range(N))
    masks = np.array([splits.draw(keys, np.arange(N), train_per_class=100, seed=[i]) for i in range(3)])
    images = index.Index(keys, masks[0])
    index.write(folder / "index.csv", images)
    splits.write(folder / "splits.csv", masks[1:])
    rng = np.random.default_rng(0)
    facts = about(keys, precision="float32")
    d = 12_288  # three blocks: the fourth and the hundredth need no more
    segments = Segments(folder / "f.h5", n=N, d=d, dtype="float16", attributes=facts)
    for y in images.y:
        segments.append(
            (rng.random((1, d), dtype=np.float32) + (np.arange(d) % 15 == y)).astype(np.float16)
        )
    segments.join()
    made = stage(folder, "stages.gram", "a/b", "--features", "f.h5", "--kernel", "k.h5")
    assert made["peak_bytes"] < LIMIT
    trained = stage(
        folder, "stages.train", "a/b", "--kernel", "k.h5", "--rows", "index.csv",
        "--further", "splits.csv", "--machine", "m.h5", "--trials", "s.csv",
        "--metrics", "m.json", "--predictions", "p.csv", "--curve", "c.csv",
    )  # fmt: skip
    assert trained["beside_bytes"] > 0  # there are enough rows for processes of their own
    assert trained["peak_bytes"] + trained["beside_bytes"] < LIMIT


def test_extract(small: dict[str, Any], study: Callable[[dict[str, Any]], Path]) -> None:
    small["data"]["image_size"] = 224
    small["runtime"]["batch_size"] = 32  # the default
    layers = {
        "pool1": "features.4",
        "pool2": "features.9",
        "pool3": "features.16",
        "pool4": "features.23",
    }
    small["backbones"] = {"vgg16": {"model": "torchvision/vgg16", "weights": "random", "layers": layers}}
    only(small, "vgg16/pool1")
    folder = study(small)
    synthetic.write(folder / "images", classes=3, images_per_class=24)
    decode.main(images=folder / "images", pixels=folder / "images.h5", timings=folder / "t.json")
    finish(folder, "stages.fetch_weights", "vgg16", "--weights", "w.pth")
    made = stage(
        folder, "stages.extract", "vgg16", "--pixels", "images.h5", "--weights", "w.pth",
        "--features", "features", "--partial", "partial",
    )  # fmt: skip
    assert made["peak_bytes"] - made["loaded_bytes"] < LIMIT
