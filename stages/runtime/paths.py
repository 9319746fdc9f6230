"""The path of every file; no other module spells a file name.

`dvc.yaml` declares the same files; tests/system/test_paths.py runs every stage and compares the two.
"""

from pathlib import Path

from stages.runtime.probe import Probe


class Paths:
    """The files under `data` (large, in DVC's cache) and under `results` (small, committed)."""

    def __init__(self, data: Path = Path("data"), results: Path = Path("results")) -> None:
        self.data, self.results = data, results
        self.manifest = data / "scene15.csv"  # the published list of the images of 15 Scene
        self.images = data / "images"  # the folder of <label>/<file>
        self.pixels = data / "images.h5"  # all images, decoded, in row order
        self.index = data / "index.csv"  # row, label, file and headline split of each image
        self.random_splits = data / "splits.csv"  # a column for each other split
        self.duplicates = data / "duplicates.csv"  # pairs of rows that show the same picture
        self.duplicates_table = results / "duplicates.csv"  # these pairs with labels and files
        self.own_examples = data / "own" / "examples"  # the user's own example images
        self.table = results / "table.csv"  # a line for each probe and fusion
        self.figures = results / "figures"

    # A backbone.

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

    # A probe: a layer of a backbone.

    def feature_folder(self, backbone: str) -> Path:
        return self.data / "features" / backbone

    def features(self, probe: Probe) -> Path:
        return self.feature_folder(probe.backbone) / f"{probe.layer}.h5"

    def kernel(self, probe: Probe) -> Path:
        return self.data / "kernels" / f"{probe}.h5"

    def dual(self, probe: Probe) -> Path:
        """The SVM with the tuned C as dual coefficients."""
        return self.data / "dual" / f"{probe}.h5"

    def primal(self, probe: Probe) -> Path:
        """The SVM with the tuned C as weights, for new images."""
        return self.data / "primal" / f"{probe}.h5"

    # A probe by a protocol: `fixed` or `tuned`.

    def metrics(self, probe: Probe, protocol: str) -> Path:
        """Accuracies and other numbers."""
        return self.results / protocol / "metrics" / f"{probe}.json"

    def run(self, probe: Probe, protocol: str) -> Path:
        """What the metrics were made with: settings, features and splits; how the fits ended."""
        return self.results / protocol / "runs" / f"{probe}.json"

    def predictions(self, probe: Probe, protocol: str) -> Path:
        return self.results / protocol / "predictions" / f"{probe}.csv"

    def splits(self, probe: Probe, protocol: str) -> Path:
        return self.results / protocol / "splits" / f"{probe}.csv"

    def curve(self, probe: Probe) -> Path:
        """Cross-validated accuracy against C."""
        return self.results / "tuned" / "curves" / f"{probe}.csv"

    # Other classifiers of a probe.

    def softmax(self, probe: Probe) -> Path:
        return self.results / "softmax" / f"{probe}.json"

    def pca(self, probe: Probe, suffix: str) -> Path:
        """Accuracy against the number of components: `.csv` the curve, `.json` its settings."""
        return self.results / "pca" / f"{probe}{suffix}"

    # The report.

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
