"""Made-up inputs that several tests need: provenance, features, a kernel, an inspection, predictions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.dataset import index, splits
from stages.features.segments import Segments
from stages.inspection.record import FIRST, Inspection, Predictions
from stages.kernels import gram
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance

PROBE = Probe("a", "b")


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
        batch_norm=True,
        dropout=False,
    )


def inspection(**changes: Any) -> Inspection:
    """Two images with odd names; two layers with maps and one without."""
    rng = np.random.default_rng(0)
    return Inspection(
        **{
            "model": "torchvision/net",
            "weights": "V1",
            "view": "square64_bilinear",
            "recipe": "resize256_crop224_bicubic",
            "names": ["coast/<b>$1$.jpg", "küste/2.jpg"],
            "pixels": rng.integers(0, 256, (2, 3, 64, 64), dtype=np.uint8),
            "first": "conv1",
            "maps": {
                FIRST: rng.random((2, 32, 16, 16), dtype=np.float32),
                "pool2": rng.random((2, 10, 8, 8), dtype=np.float32),
                "a_late_one": np.zeros((2, 3, 2, 2), dtype=np.float32),
            },
            "shapes": {"pool2": (64, 8, 8), "a_late_one": (3, 2, 2), "0": (9,)},
            "facts": {"channels": 1, "pixel_mean": [0.1, 0.2, 0.3], "colours": [0, 1, 2]},
            "said": predictions(),
            **changes,
        }
    )


def drawn(path: Path) -> tuple[int, int]:
    """The size of a picture; assert that the picture is not blank."""
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5
        return image.size


class Images:
    """What figures read of `Pixels`: pictures (c, s, s), grey and in colour, each of a key."""

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], keys: list[index.Key]) -> None:
        self._pictures, self.keys = pictures, keys

    def __getitem__(self, rows: slice) -> list[NDArray[np.uint8]]:
        return [*self._pictures[rows]]


def provenance(**changes: Any) -> Provenance:
    """The provenance of 50 features of the layer b of the backbone a, with these changes."""
    return Provenance(
        **{
            "probe": PROBE,
            "model": "m",
            "weights": "w",
            "view": "v",
            "module": "x",
            "pool": "none",
            "precision": "float32",
            "storage": "float16",
            "mean": (0.1, 0.2, 0.3),
            "std": (0.5, 0.6, 0.7),
            "shape": (50,),
            "rows": "r",
            **changes,
        }
    )


def write_features(where: Path | Probe, X: NDArray[Any], **changes: Any) -> None:
    """Write features X (n, d) to a file, or to the file of a probe, in place of an older one."""
    if isinstance(where, Probe):
        path, changes = Paths().features(where), {"probe": where, **changes}
    else:
        path = where
    path.unlink(missing_ok=True)
    made = provenance(**{"storage": X.dtype.name, "shape": X.shape[1:], **changes})
    segments = Segments(path, n=len(X), provenance=made)
    segments.append(X)
    segments.join()


def overlapping() -> tuple[index.Index, NDArray[np.float64]]:
    """Write an index of 90 rows in 3 classes, 45 training and 36 test rows, and the kernel of `PROBE`.

    The classes overlap. Returns the index and the features (90, 50).
    """
    keys = [(label, f"{i:02}.png") for label in "abc" for i in range(30)]
    sizes = {"train_per_class": 15, "test_per_class": 12}
    images = index.Index(keys, splits.draw(keys, np.arange(90), **sizes, seed=[0]))
    index.write(Paths().index, images)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(90, 50)) + 2 * np.eye(3, 50)[images.y]) * rng.uniform(0.1, 3, size=(90, 1))
    gram.write(Paths().kernel(PROBE), X @ X.T, provenance(rows=index.digest(keys)))
    return images, X


def separable() -> index.Index:
    """Write an index of 30 rows in 3 separable classes, splits, and the kernel of `PROBE`."""
    keys = [(label, f"{i:02}.png") for label in "abc" for i in range(10)]
    alone = np.arange(30)
    made = [splits.draw(keys, alone, train_per_class=6, seed=[0, i]) for i in range(4)]
    images = index.Index(keys, made[0])
    index.write(Paths().index, images)
    splits.write(Paths().random_splits, made[1:])
    X = np.random.default_rng(0).normal(size=(30, 50)) + 2 * np.eye(3, 50)[images.y] * 3
    gram.write(Paths().kernel(PROBE), X @ X.T, provenance(rows=index.digest(keys)))
    return images


def trained(probe: Probe, protocol: str) -> dict[str, Any]:
    """The metrics of a probe by a protocol, and what they were made with."""
    metrics, made = (
        json.loads(path(probe, protocol).read_text()) for path in (Paths().metrics, Paths().run)
    )
    return {**made, **metrics}


def write_other_index() -> None:
    """Replace the index by one that lacks the first image."""
    images = index.read(Paths().index)
    index.write(Paths().index, index.Index(images.keys[1:], index.Split.complete(images.train[1:])))
