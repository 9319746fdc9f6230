"""Measure bytes per feature against raw float32, and the speed of writing and reading.

    python -m benchmarks.parts.disk

Runs after `dvc repro`, for two minutes: takes the size of each feature file of VGG16 (the untrained
network where ImageNet's weights are not available) and EfficientNet-Lite0, then writes and reads the
first 512 rows of each file, or fewer, with each filter. The files are in the page cache.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from hdf5plugin import Blosc2
from numpy.typing import NDArray

from benchmarks.harness.measure import LITE, VGG16, Row, in_turn, keep
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

BACKBONES = (VGG16, LITE)
FILTERS: dict[str, Any] = {
    "none": {},
    "bitshuffle and lz4": hdf5plugin.Bitshuffle(cname="lz4"),
    "lz4, level 5, bytes": Blosc2(cname="lz4", clevel=5, filters=Blosc2.SHUFFLE),
    "zstd, level 1, bytes": Blosc2(cname="zstd", clevel=1, filters=Blosc2.SHUFFLE),
}
ROWS, MOST = 512, 400e6  # limits of a trial: rows, and their bytes
LIMIT = 7e9  # bytes, for the seven layers of VGG16


@dataclass(frozen=True)
class Layer:
    """A feature file: the number of its values (n * d) and its bytes."""

    backbone: str
    name: str
    path: Path
    features: int
    bytes: int


@dataclass(frozen=True)
class Trial:
    """One filter on some rows of one layer; `own` if the pipeline wrote the file with this filter."""

    backbone: str
    name: str
    filter: str
    own: bool
    features: int
    raw_bytes: int
    bytes: int
    write_seconds: float
    read_seconds: float


def layers(backbone: str) -> list[Layer]:
    """The backbone's files of layers that are not pooled, in the order of its layers."""
    files = []
    for name, entry in load_params()["backbones"][backbone]["layers"].items():
        if not isinstance(entry, str):
            continue
        path = Paths().features(Probe(backbone, name))
        with h5py.File(path, "r") as file:
            files.append(Layer(backbone, name, path, file["features"].size, path.stat().st_size))
    return files


def pipeline(data: h5py.Dataset) -> list[Any]:
    """The filters of a data set, with all their settings."""
    plist = data.id.get_create_plist()
    return [plist.get_filter(number)[:3] for number in range(plist.get_nfilters())]


def write(path: Path, rows: NDArray[Any], chunks: tuple[int, int], chosen: Any) -> None:
    """Write `rows` with a filter and the checksum that every feature file has."""
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=rows, chunks=chunks, fletcher32=True, **chosen)


def read(path: Path, rows: NDArray[Any]) -> None:
    """Read the file into the array `rows`."""
    with h5py.File(path, "r") as file:
        file["features"].read_direct(rows)


def compare(layer: Layer, folder: Path) -> list[Trial]:
    """Write and read the layer's first rows with each filter."""
    with h5py.File(layer.path, "r") as file:
        data = file["features"]
        chunks, used = data.chunks, pipeline(data)
        fit = int(min(ROWS, MOST / data.dtype.itemsize / data.shape[1]))
        rows = data[: max(1, fit // chunks[0]) * chunks[0]]  # whole chunks
    room = np.empty_like(rows)
    paths = {name: folder / f"{number}.h5" for number, name in enumerate(FILTERS)}
    tasks: dict[str, Callable[[], object]] = {}
    for name, path in paths.items():
        tasks[f"write {name}"] = partial(write, path, rows, chunks, FILTERS[name])
        tasks[f"read {name}"] = partial(read, path, room)
    times, trials = in_turn(1, **tasks), []
    for name, path in paths.items():
        with h5py.File(path, "r") as file:
            own = pipeline(file["features"]) == used
        seconds = (times[f"{task} {name}"].median for task in ("write", "read"))
        size = path.stat().st_size
        trials.append(
            Trial(layer.backbone, layer.name, name, own, rows.size, rows.nbytes, size, *seconds)
        )
    return trials


def size_row(what: str, some: list[Layer], *, limited: bool = False) -> Row:
    """Some files against raw float32."""
    size, features = sum(layer.bytes for layer in some), sum(layer.features for layer in some)
    return Row(
        what,
        f"{size / 1e9:.3g} GB" if limited else f"{size / features:.2f} bytes a feature",
        f"{4 * features / 1e9:.3g} GB" if limited else "4 bytes",
        4 * features / size,
        f"at most {LIMIT / 1e9:g} GB" if limited else "",
        size <= LIMIT if limited else None,
        "" if limited else f"{size / 1e9:.3g} GB of {4 * features / 1e9:.3g}",
    )


def filter_row(backbone: str, name: str, trials: list[Trial]) -> Row:
    """One filter on all layers of a backbone together."""
    some = [trial for trial in trials if (trial.backbone, trial.filter) == (backbone, name)]
    raw, features = sum(trial.raw_bytes for trial in some), sum(trial.features for trial in some)
    writing, reading = (
        sum(trial.write_seconds for trial in some),
        sum(trial.read_seconds for trial in some),
    )
    size, own = sum(trial.bytes for trial in some), all(trial.own for trial in some)
    return Row(
        f"{backbone}: {name}",
        f"{size / features:.2f} bytes a feature",
        f"write {raw / writing / 1e6:.0f}, read {raw / reading / 1e6:.0f} MB/s",
        4 * features / size,
        note=f"{raw / 1e6:.0f} MB before compression{'; the one in use' if own else ''}",
    )


def main() -> None:
    """Take the sizes of the files, then try the filters."""
    files = [layer for backbone in BACKBONES for layer in layers(backbone)]
    rows = [size_row(f"{layer.backbone}/{layer.name}", [layer]) for layer in files]
    wide = [layer for layer in files if layer.backbone == VGG16]
    rows.append(size_row(f"{VGG16}, all {len(wide)} layers", wide, limited=True))
    with tempfile.TemporaryDirectory() as folder:
        trials = [trial for layer in files for trial in compare(layer, Path(folder))]
    rows += [filter_row(backbone, name, trials) for backbone in BACKBONES for name in FILTERS]
    keep("disk", "Disk", rows, trials=[vars(trial) for trial in trials])


if __name__ == "__main__":
    main()
