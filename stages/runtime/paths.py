"""The path of every file; no other module spells a file name.

`dvc.yaml` declares the same files; tests/system/test_paths.py runs every stage and compares the two.
"""

from pathlib import Path

from stages.runtime.probe import Probe


class Paths:
    """The files of the stages under `data` (in DVC's cache), and those of the report under `results`.

    Git keeps `results`.
    """

    def __init__(self, data: Path = Path("data"), results: Path = Path("results")) -> None:
        self.data, self.results = data, results
        self.manifest = data / "scene15.csv"  # the published list of the images of 15 Scene
        self.images = data / "images"  # the folder of <label>/<file>
        self.index = data / "index.csv"  # row, label, file and headline split of each image
        self.random_splits = data / "splits.csv"  # a column for each other split
        self.duplicates = data / "duplicates.csv"  # pairs of rows that show the same picture
        self.own_examples = data / "own" / "examples"  # the user's own example images

    # A view.

    def pixels(self, view: str) -> Path:
        """All images, decoded and resized, in row order."""
        return self.data / "pixels" / f"{view}.h5"

    # A backbone.

    def weights(self, backbone: str) -> Path:
        return self.data / "weights" / f"{backbone}.pth"

    def summary(self, backbone: str, suffix: str) -> Path:
        """The layers and their parameters: `.csv` for programs, `.md` for people."""
        return self.data / "summaries" / backbone / f"layers{suffix}"

    def inspection(self, backbone: str) -> Path:
        """The activation maps and predictions."""
        return self.data / "inspection" / backbone / "seen.h5"

    def answers(self, backbone: str, suffix: str) -> Path:
        """The predicted ImageNet classes: `.csv` of the example images, `.json` shares of all images."""
        return self.data / "inspection" / backbone / f"answers{suffix}"

    def pictures(self, backbone: str) -> Path:
        """The folder of the pictures of the activation maps and predictions."""
        return self.data / "pictures" / backbone

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

    def svm(self, probe: Probe, protocol: str) -> Path:
        """The folder of the following files."""
        return self.data / "svm" / protocol / str(probe)

    def metrics(self, probe: Probe, protocol: str) -> Path:
        """Accuracies and other numbers."""
        return self.svm(probe, protocol) / "metrics.json"

    def run(self, probe: Probe, protocol: str) -> Path:
        """What the metrics were made with: settings, features and splits; how the fits ended."""
        return self.svm(probe, protocol) / "run.json"

    def predictions(self, probe: Probe, protocol: str) -> Path:
        return self.svm(probe, protocol) / "predictions.csv"

    def splits(self, probe: Probe, protocol: str) -> Path:
        return self.svm(probe, protocol) / "splits.csv"

    def curve(self, probe: Probe) -> Path:
        """Cross-validated accuracy against C."""
        return self.svm(probe, "tuned") / "curve.csv"

    # Other classifiers of a probe.

    def softmax(self, probe: Probe) -> Path:
        return self.data / "softmax" / f"{probe}.json"

    @property
    def similarity(self) -> Path:
        """How alike every two layers are."""
        return self.data / "similarity.csv"

    def knn(self, probe: Probe) -> Path:
        return self.data / "knn" / f"{probe}.json"

    def learning_curve(self, probe: Probe, name: str) -> Path:
        """Accuracy against training images per class: `points.csv`, and their settings `run.json`."""
        return self.data / "learning_curve" / str(probe) / name

    def pca(self, probe: Probe, suffix: str) -> Path:
        """Accuracy against the number of components: `.csv` the curve, `.json` its settings."""
        return self.data / "pca" / str(probe) / f"components{suffix}"

    # What the report writes, and git keeps.

    @property
    def table(self) -> Path:
        """A line for each probe and fusion."""
        return self.results / "table.csv"

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    @property
    def duplicates_table(self) -> Path:
        """The pairs of duplicates with labels and files."""
        return self.results / "duplicates.csv"

    def report(self, suffix: str) -> Path:
        """The report: `.md` for a repository's web view, `.html` for the browser."""
        return self.results / f"report{suffix}"

    def scores(self, probe: object) -> Path:
        """The few numbers of a probe, or of the `best`, that `dvc metrics` shows."""
        return self.results / "summary" / f"{probe}.json"

    def plot(self, name: str) -> Path:
        """What `dvc plots` draws."""
        return self.results / "plots" / f"{name}.csv"

    def committed(self) -> "Paths":
        """The files under `data` that are small, as the report copied them to `results`."""
        return Paths(self.results, self.results)

    # Any stage.

    def partial(self, name: str) -> Path:
        """The folder of an interrupted run's kept work."""
        return self.data / "partial" / name

    def timings(self, stage: str, name: object = "") -> Path:
        """Seconds and memory of a stage, or of the stage's view, backbone, probe or fusion `name`."""
        return self.data / "timings" / (f"{stage}/{name}.json" if name else f"{stage}.json")
