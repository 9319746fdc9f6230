"""Train the linear SVM of one layer with fewer and fewer images.

    dvc repro learning_curve@vgg16/pool5

Reads the layer's kernel, the index, the random splits, the tuned accuracies on those, `learning_curve`
and all of `svm` but `svm.C`. Each random split is a draw: a few of its training images of each class are
drawn, the fewer among the more, and all of its test images are predicted. Writes to
data/learning_curve/<b>/<layer>/:
- points.csv: a line for each draw and number of images, with the accuracies of svm/learning.py;
- run.json: what they were made with.
"""

from joblib import Parallel, delayed
from tqdm import tqdm

from stages.dataset import splits
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import inputs, learning, protocol
from stages.svm.tuning import Tuned


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the points of `probe`."""
    params = load_params()
    wanted, svm = params["learning_curve"], params["svm"]
    sizes, settings = sorted(wanted["per_class"]), {key: svm[key] for key in Tuned.SETTINGS}
    given = inputs.load(probe, f"learning_curve@{probe}", paths, normalize=svm["normalize"])
    random = splits.read(paths.random_splits)
    every = [given.index.split, *random]
    whole = [float(line["accuracy"]) for line in files.read_csv(paths.splits(probe, "tuned"))]
    measuring = timing.Stopwatch()
    with measuring:
        jobs = [
            delayed(learning.curve)(
                given.K, given.index.y, split, sizes, seed=[wanted["seed"], draw],
                relative_C=wanted["relative_C"], tuned=Tuned(**settings), whole=known,
            )
            for draw, (split, known) in enumerate(zip(random, whole, strict=True))
        ]  # fmt: skip
        workers = protocol.processes(int(random[0].train.sum()), len(jobs))
        running = Parallel(n_jobs=workers, return_as="generator")(jobs)
        draws = list(tqdm(running, desc=f"learning_curve@{probe}", total=len(jobs), unit="draw"))
    lines = ([draw, *vars(point).values()] for draw, points in enumerate(draws, 1) for point in points)
    files.write_csv(
        paths.learning_curve(probe, "points.csv"), ["draw", "per_class", "fixed", "tuned"], lines
    )
    record = {**given.provenance.record(), **settings, **wanted, "per_class": sizes}
    record |= {"normalize": svm["normalize"], "split_digest": splits.digest(every)}
    files.write_json(paths.learning_curve(probe, "run.json"), record)
    timing.write(paths.timings("learning_curve", probe), all_seconds=measuring.seconds)


if __name__ == "__main__":
    command.run(main)
