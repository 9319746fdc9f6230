"""A small study, and how to change and write it."""

import os
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
# The real images: an archive or folder; an empty variable is none.
SCENE15 = Path(os.environ["SCENE15"]).resolve() if os.environ.get("SCENE15") else None
needs_scene15 = pytest.mark.skipif(
    SCENE15 is None, reason="set SCENE15=<archive or folder> to try the real images"
)

SMALL: dict[str, Any] = {
    "data": {
        "source": "synthetic",
        "folder": "data/own/images",
        "synthetic": {"classes": 3, "images_per_class": 12},
        "mirrors": [],
    },
    "views": {"square64": {"size": 64, "crop": None, "interpolation": "bilinear"}},
    "duplicates": {"similarity": 0.9, "view": "square64"},
    "splits": {
        "file": None,
        "train_per_class": 6,
        "test_per_class": "all",
        "random": 2,
        "seed": 0,
        "group_duplicates": False,
    },
    "backbones": {
        "squeeze": {
            "model": "torchvision/squeezenet1_1",
            "weights": "random",
            "view": "square64",
            "layers": {"pool1": "features.2", "pool2": "features.5"},
        },
        "shuffle": {
            "model": "torchvision/shufflenet_v2_x0_5",
            "weights": "random:1",
            "view": "square64",
            "layers": {"stage2": "stage2"},
        },
    },
    "extract": {"storage": "float16", "precision": "float32"},
    "inspect_network": {"images": 2, "batch_size": 8},
    "probes": ["squeeze/pool1", "squeeze/pool2", "shuffle/stage2"],
    "fusions": {"both": ["squeeze/pool2", "shuffle/stage2"]},
    "svm": {
        "C": 1.0,
        "normalize": "none",
        "solver": "newton",
        "grid": [0.01, 0.1, 1.0],
        "folds": 3,
        "seed": 0,
    },
    "softmax": {"C": 1.0, "max_iter": 100},
    "knn": {"k": [1, 3]},
    "learning_curve": {"per_class": [1, 3, 6], "relative_C": 10, "seed": 0},
    "pca": {"probes": ["squeeze/pool2"], "components": [1, 4]},
    "predict": {"probes": ["squeeze/pool2"]},
    "runtime": {"device": "cpu", "batch_size": 8, "memory": 4},
}


def only(params: dict[str, Any], *probes: str) -> None:
    """Make these the study's only probes."""
    params["probes"], params["fusions"] = list(probes), {}
    params["pca"]["probes"] = params["predict"]["probes"] = [probes[0]]


def dump(params: dict[str, Any], path: Path) -> None:
    """Write `params` as YAML."""
    with path.open("w") as file:
        YAML().dump(params, file)  # in the order of its keys
