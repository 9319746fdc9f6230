"""What the results rest on: the data, the splits, the settings, the processors, and what was not run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.dataset.index import Key, Split, split_of_folders
from stages.reporting import significance
from stages.reporting.backbones import Backbone
from stages.reporting.findings import Findings
from stages.reporting.table import Row

DATA = {
    "scene15": "15 Scene",
    "folder": "Own images",
    "synthetic": "Generated scenes (these accuracies say nothing about photographs)",
}


@dataclass(frozen=True)
class Setting:
    """The data, the splits and the settings; `similarity` is the least of near duplicates."""

    network: str
    data: str
    images: int
    classes: list[str]
    split: str
    n_train: int
    n_test: int
    random_splits: str
    splits: int
    similarity: float
    svm: Mapping[str, Any]
    softmax_C: float
    learning_C: float
    level: float
    processors: list[str]
    absent: list[str]


def setting_of(found: Findings) -> Setting:
    """The setting of what was found."""
    params, index = found.params, found.index
    pairs = {(result.feature_processor, result.svm_processor) for result in found.results}
    return Setting(
        network=found.backbones[0].name,
        data=DATA[params["data"]["source"]],
        images=len(index.keys),
        classes=index.classes,
        split=split(params, index.keys),
        n_train=int(index.train.sum()),
        n_test=int(index.test.sum()),
        random_splits=random_splits(params, found.random),
        splits=len(found.random),
        similarity=params["duplicates"]["similarity"],
        svm=params["svm"],
        softmax_C=params["softmax"]["C"],
        learning_C=params["learning_curve"]["relative_C"],
        level=significance.LEVEL,
        processors=sorted({processor for pair in pairs for processor in pair}),
        absent=absent(found.backbones, found.rows),
    )


def split(params: Mapping[str, Any], keys: Sequence[Key]) -> str:
    """How the headline split of the images `keys` was made."""
    wanted = params["splits"]
    if wanted["file"]:
        return f"the first of {wanted['file']}"
    if params["data"]["source"] == "scene15":
        return "the published one"
    if split_of_folders(keys):
        return "that of the folders train and test"
    return f"{_per_class(wanted)}, drawn with seed {wanted['seed']}"


def random_splits(params: Mapping[str, Any], random: Sequence[Split]) -> str:
    """How the random splits were drawn, or what those beside a file of splits are like."""
    wanted = params["splits"]
    if wanted["file"]:
        masks = ([split.train for split in random], [split.test for split in random])
        train, test = (_range([int(mask.sum()) for mask in some]) for some in masks)
        return f"{len(random)}, each with {train} training and {test} test images"
    text = f"{len(random)}, each with {_per_class(wanted)}"
    return text + (", duplicates on the same side" if wanted["group_duplicates"] else "")


def _per_class(wanted: Mapping[str, Any]) -> str:
    train, test = wanted["train_per_class"], wanted["test_per_class"]
    share = "the share {} of each class for training"
    text = (share if train < 1 else "{} training images of each class").format(train)
    return text + ("" if test == "all" else f" and {test} test images of each")


def _range(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def absent(backbones: Sequence[Backbone], rows: Sequence[Row]) -> list[str]:
    """What has no result: each fusion, then the number of probes of each backbone."""
    lines = [f"{row.probe} {row.status}" for row in rows if row.probe.fused and not row.result]
    for backbone in backbones:
        statuses = Counter(row.status for row in backbone.rows if not row.result)
        for status, count in statuses.items():
            lines.append(f"{backbone.name}: {count} of its {len(backbone.rows)} probes {status}")
    return lines
