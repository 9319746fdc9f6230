"""One of the project's backbones alone in a folder, with some of its images."""

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages import extract
from stages.runtime.params import load_params


@dataclass(frozen=True)
class Study:
    """`folder` holds a params.yaml with `backbone` alone, and the files of images that were added."""

    folder: Path
    backbone: str

    @property
    def entry(self) -> dict[str, Any]:
        """The project's entry of the backbone."""
        return dict(load_params()["backbones"][self.backbone])

    @property
    def layers(self) -> dict[str, str]:
        """Name to module path, of all its layers."""
        return dict(self.entry["layers"])

    @property
    def weights(self) -> Path:
        """The project's file of them."""
        return Path(f"data/weights/{self.backbone}.pth").absolute()

    def set_params(self, layers: Sequence[str] | None = None, **sections: Mapping[str, Any]) -> None:
        """Write params.yaml: the project's, with these layers (or all), and what `sections` change."""
        params, entry = load_params(), self.entry
        tapped = {name: self.layers[name] for name in layers or self.layers}
        params["backbones"] = {self.backbone: {**entry, "layers": tapped}}
        params["probes"] = [f"{self.backbone}/{name}" for name in tapped]
        params["fusions"], params["pca"]["probes"] = {}, params["probes"][:1]
        for name, changes in sections.items():
            params[name] |= changes
        (self.folder / "params.yaml").write_text(json.dumps(params))  # json is YAML

    def add_images(self, name: str, count: int) -> None:
        """Write <name>.h5 with so many images, evenly spaced: they are sorted by class."""
        with h5py.File("data/images.h5", "r") as whole, h5py.File(self.file(name), "w") as part:
            rows = np.linspace(0, len(whole["pixels"]) - 1, count).astype(np.int64)
            for key in ("pixels", "names"):
                part[key] = whole[key][rows]
                part[key].attrs.update(whole[key].attrs)

    def file(self, name: str) -> Path:
        """Where a file of images is."""
        return self.folder / f"{name}.h5"

    def extract(self, pixels: Path) -> dict[str, Any]:
        """Run the stage on a file of images; return its times. The features are in <folder>/features."""
        features, timings = self.folder / "features", self.folder / "timings.json"
        paths = {"pixels": pixels, "weights": self.weights, "features": features, "timings": timings}
        paths["partial"] = self.folder / "partial"
        # Its parameters are those of the folder it runs in; its progress bar would hide what we print.
        with contextlib.chdir(self.folder), contextlib.redirect_stderr(io.StringIO()):
            extract.main(self.backbone, **paths)
        return dict(json.loads(timings.read_text()))
