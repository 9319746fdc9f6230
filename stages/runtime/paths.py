"""The path of every file; no other module spells a file name.

`dvc.yaml` declares the same files; tests/system/test_paths.py runs every stage and compares the two.
"""

from dataclasses import dataclass
from pathlib import Path

from stages.runtime.probe import Probe


@dataclass(frozen=True)
class Paths:
    """The files under `data` (large, in DVC's cache) and under `results` (small, committed)."""

    data: Path = Path("data")
    results: Path = Path("results")

    # The images and their rows; `images` holds <label>/<file>.

    @property
    def manifest(self) -> Path:
        """The published list of the images of 15 Scene."""
        return self.data / "scene15.csv"

    @property
    def images(self) -> Path:
        return self.data / "images"

    @property
    def pixels(self) -> Path:
        """All images, decoded, in row order."""
        return self.data / "images.h5"

    @property
    def duplicates(self) -> Path:
        """Pairs of rows that show the same picture."""
        return self.data / "duplicates.csv"

    @property
    def duplicates_table(self) -> Path:
        """The same pairs with labels and files, for people."""
        return self.results / "duplicates.csv"

    @property
    def index(self) -> Path:
        """Row, label, file and headline split of each image."""
        return self.data / "index.csv"

    @property
    def random_splits(self) -> Path:
        """One column for each random split."""
        return self.data / "splits.csv"

    # A backbone. `own_examples` is the folder of the user's own example images.

    def weights(self, backbone: str) -> Path:
        return self.data / "weights" / f"{backbone}.pth"

    def summary(self, backbone: str, suffix: str) -> Path:
        """The layers and their parameters: `.csv` for programs, `.md` for people."""
        return self.results / "summaries" / f"{backbone}{suffix}"

    def inspection(self, backbone: str) -> Path:
        return self.data / "inspection" / f"{backbone}.h5"

    def answers(self, backbone: str, suffix: str) -> Path:
        """The predicted ImageNet classes: `.csv` of the example images, `.json` shares of all images."""
        return self.results / "inspection" / f"{backbone}{suffix}"

    def pictures(self, backbone: str) -> Path:
        """The folder of the pictures of the activation maps and predictions."""
        return self.results / "pictures" / backbone

    @property
    def own_examples(self) -> Path:
        return self.data / "own" / "examples"

    # A probe: a layer of a backbone.

    def feature_folder(self, backbone: str) -> Path:
        return self.data / "features" / backbone

    def features(self, probe: Probe) -> Path:
        return self.feature_folder(probe.backbone) / f"{probe.layer}.h5"

    def kernel(self, probe: Probe) -> Path:
        return self.data / "kernels" / f"{probe}.h5"

    def dual(self, probe: Probe) -> Path:
        """The trained SVM as dual coefficients."""
        return self.data / "dual" / f"{probe}.h5"

    def primal(self, probe: Probe) -> Path:
        """The trained SVM as weights, for new images."""
        return self.data / "primal" / f"{probe}.h5"

    def metrics(self, probe: Probe) -> Path:
        """Accuracies and settings."""
        return self.results / "metrics" / f"{probe}.json"

    def predictions(self, probe: Probe) -> Path:
        return self.results / "predictions" / f"{probe}.csv"

    def curve(self, probe: Probe) -> Path:
        """Cross-validated accuracy against C."""
        return self.results / "curves" / f"{probe}.csv"

    def splits(self, probe: Probe) -> Path:
        return self.results / "splits" / f"{probe}.csv"

    def softmax(self, probe: Probe) -> Path:
        return self.results / "softmax" / f"{probe}.json"

    def pca(self, probe: Probe, suffix: str) -> Path:
        """Accuracy against the number of components: `.csv` the curve, `.json` its settings."""
        return self.results / "pca" / f"{probe}{suffix}"

    # The report.

    @property
    def table(self) -> Path:
        """One line for each probe and fusion."""
        return self.results / "table.csv"

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    def report(self, suffix: str) -> Path:
        """The report: `.md` for a repository's web view, `.html` for the browser."""
        return self.results / f"report{suffix}"

    # Any stage.

    def partial(self, name: str) -> Path:
        """The folder of an interrupted run's kept work."""
        return self.data / "partial" / name

    def timings(self, stage: str, name: object = "") -> Path:
        """Seconds and memory of a stage, or of the stage's backbone, probe or fusion `name`."""
        return self.data / "timings" / (f"{stage}/{name}.json" if name else f"{stage}.json")
