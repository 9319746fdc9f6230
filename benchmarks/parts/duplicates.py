"""Measure the precision and the recall of find_duplicates on 15 Scene.

    python -m benchmarks.parts.duplicates

Optional (`make bench-optional`): it measures what is found, not speed. Runs after `dvc repro`. Precision
is the share of the found pairs that were judged, by eye, to be the same picture. Recall needs a source
of pairs that does not depend on the method: the pairs that are most alike to a network, by the cosine of
a layer's features. Of those that show the same picture, recall is the share that was found.

benchmarks/duplicates_judged.csv has the judgements. `same` is "yes" if both images are crops of one
photograph that share about half of it, or show one place from nearly the same spot; "mirrored" if one of
them is also mirrored; else "no". A pair without a judgement stops the part: look at it and add it.
"""

from pathlib import Path

import numpy as np

from benchmarks.harness.measure import LITE, Row, keep
from stages.dataset import duplicates, index
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

JUDGED = Path(__file__).parents[1] / "duplicates_judged.csv"
PROBE = Probe(LITE, "avgpool")
MOST = 240  # of the network's pairs; about half of them are the same picture

Pair = tuple[index.Key, index.Key]


def network_pairs(keys: list[index.Key], paths: Paths) -> list[Pair]:
    """The MOST pairs with the largest cosine of PROBE's features, most alike first."""
    cosine = gram.l2_normalise(gram.read(paths.kernel(PROBE), PROBE)[0])
    a, b = np.triu_indices(len(cosine), 1)
    order = np.argsort(-cosine[a, b])[:MOST]
    return [(keys[i], keys[j]) for i, j in zip(a[order], b[order], strict=True)]


def judgements() -> dict[Pair, str]:
    """What `same` says of each judged pair."""
    return {
        ((line["label"], line["file"]), (line["duplicate_label"], line["duplicate_file"])): line["same"]
        for line in files.read_csv(JUDGED)
    }


def main() -> None:
    """Compare both sources of pairs with the judgements and keep the rows."""
    paths = Paths()
    keys = index.read(paths.index).keys
    found = {(keys[pair.a], keys[pair.b]) for pair in duplicates.read(paths.duplicates)}
    network, same = network_pairs(keys, paths), judgements()
    if unjudged := sorted({*found, *network} - set(same)):
        raise SystemExit(f"Look at these pairs and add them to {JUDGED.name}: {unjudged}")
    right = {pair for pair in found if same[pair] == "yes"}
    true = {pair for pair in network if same[pair] == "yes"}
    mirrored = sum(same[pair] == "mirrored" for pair in network)
    both = len(right & true)
    rows = [
        Row(
            "precision", f"{len(right) / len(found):.1%}", "", note=f"{len(right)} of {len(found)} pairs"
        ),
        Row(
            "recall",
            f"{both / len(true):.1%}",
            "",
            note=f"{both} of the {len(true)} same pictures among the {MOST} pairs most alike to {PROBE} "
            f"(without {mirrored} mirrored ones, which are not looked for)",
        ),
        Row(
            "same pictures in the data set, estimated",
            f"{len(right) * len(true) / both:.0f} pairs",
            "",
            note="capture and recapture (Lincoln and Petersen): both sources' pairs over those in both",
        ),
    ]
    keep("duplicates", "Duplicates found and missed", rows)


if __name__ == "__main__":
    main()
