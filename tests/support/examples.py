"""What several tests need: a glimpse made up, a kernel of classes that overlap, a look at a picture."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.dataset import index, splits
from stages.features.segments import Segments
from stages.inspection.record import FIRST, Inspection, Predictions
from stages.kernels import gram
from stages.runtime.provenance import ORIGIN


def predictions() -> Predictions:
    """Two images, six classes, four test rows."""
    rng = np.random.default_rng(0)
    return Predictions(
        classes=["tench", "goldfish", "a name that is far too long for any bar", "$x$", "Köter", "hen"],
        best=rng.integers(0, 6, (2, 4, 5)),
        probability=rng.random((2, 4, 5), dtype=np.float32),
        rows=np.array([1, 2, 4, 5]),
        all_best=np.array([[0, 0, 1, 3], [0, 1, 1, 3], [2, 2, 2, 3]]),
        all_probability=np.array([[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0.25] * 4], dtype=np.float32),
    )


def glimpse(**changes: Any) -> Inspection:
    """Two images with odd names; two layers with maps and one without."""
    rng = np.random.default_rng(0)
    return Inspection(
        **{
            "model": "torchvision/net",
            "weights": "V1",
            "names": ["coast/<b>$1$.jpg", "küste/2.jpg"],
            "pixels": rng.integers(0, 256, (2, 3, 64, 64), dtype=np.uint8),
            "first": "conv1",
            "maps": {
                FIRST: rng.random((2, 32, 16, 16), dtype=np.float32),
                "pool2": rng.random((2, 10, 8, 8), dtype=np.float32),
                "a_late_one": np.zeros((2, 3, 2, 2), dtype=np.float32),
            },
            "shapes": {"pool2": (64, 8, 8), "a_late_one": (3, 2, 2), "0": (9,)},
            "facts": {"channels": 1, "pixel_mean": [0.1, 0.2, 0.3]},
            "said": predictions(),
            **changes,
        }
    )


def drawn(path: Path) -> tuple[int, int]:
    """The size of a picture that has something in it."""
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5
        return image.size


def write_features(path: Path, X: NDArray[Any], **attributes: Any) -> None:
    """A feature file of X (n, d), of the layer b of the backbone a."""
    path.unlink(missing_ok=True)
    facts = {"backbone": "a", "layer": "b", "precision": "float32", **attributes}
    segments = Segments(path, n=len(X), d=X.shape[1], dtype=X.dtype.name, attributes=facts)
    segments.append(X)
    segments.join()


def about(keys: list[index.Key], **more: Any) -> dict[str, Any]:
    """What a kernel of the layer b of the backbone a says of itself."""
    facts = {"backbone": "a", "layer": "b", "rows": index.digest(keys), "feature_dim": 50}
    return {**facts, **dict.fromkeys(ORIGIN, "x"), **more}


def overlapping(folder: Path) -> tuple[index.Index, NDArray[np.float64]]:
    """An index of 90 rows in 3 classes, half of them training, and the kernel of features that overlap.

    Writes index.csv and kernel.h5; returns the index and the features (90, 50).
    """
    keys = [(label, f"{i:02}.png") for label in "abc" for i in range(30)]
    images = index.Index(keys, splits.draw(keys, np.arange(90), train_per_class=15, seed=[0]))
    index.write(folder / "index.csv", images)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(90, 50)) + 2 * np.eye(3, 50)[images.y]) * rng.uniform(0.1, 3, size=(90, 1))
    gram.write(folder / "kernel.h5", X @ X.T, about(keys))
    return images, X
