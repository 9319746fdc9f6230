"""Provenance: what determines a file of features, written into whatever is computed from them.

A reader that was given another file than `params.yaml` or the index asks for refuses it here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.runtime.errors import StageError
from stages.runtime.probe import Probe

# What `params.yaml` says of a layer's features, in the order in which results record it.
REQUESTED = ("model", "weights", "module", "precision", "storage")


@dataclass(frozen=True)
class Provenance:
    """What determines the features of one layer, value for value.

    probe : the backbone and the layer
    model, weights, module : the network, its weights, the path of the tapped module
    precision, storage : the type that the network computed with, the type on disk
    mean, std : the normalisation of the pixels, for each colour
    shape : of the layer's output, without the batch
    rows : the digest of the row order (`dataset.index.digest`)
    """

    probe: Probe
    model: str
    weights: str
    module: str
    precision: str
    storage: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    shape: tuple[int, ...]
    rows: str

    @property
    def feature_dim(self) -> int:
        """The number of features, d."""
        return math.prod(self.shape)

    def record(self) -> dict[str, str]:
        """The part that results repeat, to be compared with `requested`."""
        return {key: getattr(self, key) for key in REQUESTED}

    def attributes(self) -> dict[str, Any]:
        """All but `storage` as attributes of an HDF5 data set, whose own type is the storage."""
        names = ("model", "weights", "module", "precision", "mean", "std", "shape", "rows")
        return {
            "backbone": self.probe.backbone,
            "layer": self.probe.layer,
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> "Provenance":
        """The provenance that `attributes` and `storage` were written from."""
        return cls(
            probe=Probe(attributes["backbone"], attributes["layer"]),
            **{key: attributes[key] for key in (*REQUESTED, "rows")},
            mean=tuple(attributes["mean"]),
            std=tuple(attributes["std"]),
            shape=tuple(attributes["shape"]),
        )

    def refuse_other_probe(self, probe: Probe, what: str, stage: str) -> None:
        """Raise `StageError` unless the file, `what` made by `stage`, is that of `probe`."""
        if self.probe != probe:
            raise StageError(
                expected=f"{what} of {probe}",
                found=f"that of {self.probe}",
                cause="a file that was renamed or copied by hand",
                do=f"dvc repro --force --single-item {stage}, then dvc repro",
            )


def requested(params: Mapping[str, Any], probe: Probe) -> dict[str, str]:
    """What `params.yaml` asks of the features of `probe`, to be compared with `Provenance.record`."""
    entry, extract = params["backbones"][probe.backbone], params["extract"]
    return {
        "model": entry["model"],
        "weights": entry["weights"],
        "module": entry["layers"][probe.layer],
        "precision": extract["precision"],
        "storage": extract["storage"],
    }


def joined(records: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The records of several probes as one: each value is the list of theirs."""
    return {key: " ".join(record[key] for record in records) for key in REQUESTED}


def changed(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of `wanted` whose value in `found` is another, with both: (found, wanted)."""
    pairs = {key: (found.get(key), value) for key, value in wanted.items()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def refuse_other_rows(what: str, of: str, found: str, wanted: str, do: str) -> None:
    """Raise `StageError` unless `what` was made of the rows, or the training rows, that the index has.

    `found` and `wanted` are digests (`index.digest`, `splits.digest`) of what `of` names.
    """
    if found != wanted:
        raise StageError(
            expected=f"{what} of the {of} in the index ({wanted})",
            found=f"that of other {of} ({found})",
            cause="the images or the split were changed since",
            do=do,
        )
