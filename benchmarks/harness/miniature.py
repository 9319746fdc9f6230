"""One of the project's backbones in a small folder: its own params.yaml and some of the images."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages import extract
from stages.runtime import files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths

PROJECT = Paths(Path("data").absolute(), Path("results").absolute())


@dataclass(frozen=True)
class Miniature:
    """`folder` holds a params.yaml with `backbone` alone, and a data folder for each set of images."""

    folder: Path
    backbone: str

    @property
    def entry(self) -> dict[str, Any]:
        """The project's entry of the backbone."""
        return dict(load_params()["backbones"][self.backbone])

    @property
    def layers(self) -> dict[str, str]:
        """All layers of the backbone that are not pooled: name to module path."""
        return {name: path for name, path in self.entry["layers"].items() if isinstance(path, str)}

    def paths(self, images: str) -> Paths:
        """Where the files of one set of images lie."""
        return Paths(self.folder / images / "data", self.folder / images / "results")

    def set_params(self, layers: Sequence[str] | None = None, **sections: Mapping[str, Any]) -> None:
        """Write params.yaml: the project's, with these layers (default: all) and changed `sections`."""
        params, entry = load_params(), self.entry
        tapped = {name: self.layers[name] for name in layers or self.layers}
        params["backbones"] = {self.backbone: {**entry, "layers": tapped}}
        params["probes"] = [f"{self.backbone}/{name}" for name in tapped]
        params["fusions"], params["pca"]["probes"] = {}, params["probes"][:1]
        for name, changes in sections.items():
            params[name] |= changes
        files.write_json(self.folder / "params.yaml", params)  # JSON is YAML

    def add_images(self, images: str, count: int | None = None) -> None:
        """Make a set of `count` images (default: all), evenly spaced: rows are sorted by class."""
        paths, view = self.paths(images), self.entry["view"]
        link(paths, PROJECT.weights(self.backbone))
        if count is None:
            link(paths, PROJECT.pixels(view))
            return
        paths.pixels(view).parent.mkdir(parents=True)
        with h5py.File(PROJECT.pixels(view)) as whole, h5py.File(paths.pixels(view), "w") as part:
            rows = np.linspace(0, len(whole["pixels"]) - 1, count).astype(np.int64)
            for key in ("pixels", "names"):
                part[key] = whole[key][rows]
                part[key].attrs.update(whole[key].attrs)

    def extract(self, images: str) -> dict[str, Any]:
        """Run the stage `extract` on one set of images; return what it wrote about its times."""
        paths = self.paths(images)
        # The stage reads params.yaml in the working directory. Its progress bar would hide our output.
        with contextlib.chdir(self.folder), contextlib.redirect_stderr(io.StringIO()):
            extract.main(self.backbone, paths=paths)
        return files.read_json(paths.timings("extract", self.backbone))


def link(paths: Paths, *wanted: Path, project: Paths = PROJECT) -> None:
    """Link files of the project into the data folder of `paths`.

    A stage that writes one of these files replaces the link and leaves the project's file as it is.
    """
    for path in wanted:
        there = paths.data.absolute() / path.relative_to(project.data)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(path.absolute())
