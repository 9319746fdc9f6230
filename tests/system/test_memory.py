"""Resident memory stays bounded: 15 Scene's 4,485 rows, and the widest layers there are.

`make memory` measures the same on the real images.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support.examples import PROBE, provenance
from support.process import finish
from support.study import only

from stages import decode
from stages.dataset import index, splits
from stages.features.segments import Segments
from stages.runtime.files import read_json
from stages.runtime.paths import Paths
from stages.sources import synthetic

LIMIT = 2 * 2**30
N = 4485


def test_kernel_and_train(small: dict[str, Any], study: Callable[[dict[str, Any]], Path]) -> None:
    folder, paths = study(small), Paths()
    keys = sorted((f"class{i % 15:02}", f"{i:05}.jpg") for i in range(N))
    made = [splits.draw(keys, np.arange(N), train_per_class=100, seed=[i]) for i in range(3)]
    images = index.Index(keys, made[0])
    index.write(paths.index, images)
    splits.write(paths.random_splits, made[1:])
    rng = np.random.default_rng(0)
    d = 12_288  # three blocks: the fourth and the hundredth need no more
    segments = Segments(paths.features(PROBE), N, provenance(shape=(d,), rows=index.digest(keys)))
    for y in images.y:
        segments.append(
            (rng.random((1, d), dtype=np.float32) + (np.arange(d) % 15 == y)).astype(np.float16)
        )
    segments.join()
    finish(folder, "stages.gram", str(PROBE))
    assert read_json(paths.timings("gram", PROBE))["peak_bytes"] < LIMIT
    for stage in ("train", "tune"):
        finish(folder, f"stages.{stage}", str(PROBE))
        spent = read_json(paths.timings(stage, PROBE))
        assert spent["worker_bytes"] > 0  # there are enough rows for worker processes
        assert spent["peak_bytes"] + spent["worker_bytes"] < LIMIT


def test_extract(small: dict[str, Any], study: Callable[[dict[str, Any]], Path]) -> None:
    small["views"]["square64"]["size"] = 224
    small["runtime"]["batch_size"] = 32  # the default
    layers = {
        "pool1": "features.4",
        "pool2": "features.9",
        "pool3": "features.16",
        "pool4": "features.23",
    }
    entry = {"model": "torchvision/vgg16", "weights": "random", "view": "square64", "layers": layers}
    small["backbones"] = {"vgg16": entry}
    only(small, "vgg16/pool1")
    folder, paths = study(small), Paths()
    synthetic.write(paths.images, classes=3, images_per_class=24)
    decode.main("square64", paths=paths)
    finish(folder, "stages.fetch_weights", "vgg16")
    finish(folder, "stages.extract", "vgg16")
    spent = read_json(paths.timings("extract", "vgg16"))
    assert spent["peak_bytes"] - spent["loaded_bytes"] < LIMIT
