"""Provenance: what determines the features of a layer; every file computed from them repeats it.

A reader compares it with `params.yaml` and with the index, and refuses a file that does not match.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.runtime.errors import StageError
from stages.runtime.probe import Probe
from stages.runtime.tap import Tap
from stages.runtime.view import seen_by

# What `params.yaml` says about a layer's features, in the order of the files of results.
REQUESTED = ("model", "weights", "view", "module", "pool", "precision", "storage")


@dataclass(frozen=True)
class Provenance:
    """What determines every value of one layer's features.

    probe : the backbone and the layer
    model, weights, module : the network, its weights, the path of the module
    view : what the backbone sees of an image (`view.seen_by`), such as `square224_bilinear`
    pool : the readout of the module's output
    precision, storage : the number type of the computation, the number type on disk
    mean, std : the normalisation of the pixels, one number per colour channel
    shape : of the layer's readout for one image, such as (512, 7, 7)
    rows : the digest of the row order (`dataset.index.digest`)
    """

    probe: Probe
    model: str
    weights: str
    view: str
    module: str
    pool: str
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

    @property
    def tap(self) -> dict[str, str]:
        """The module and its readout, as an entry of `params.yaml` has them."""
        return {"module": self.module, "pool": self.pool}

    def record(self) -> dict[str, str]:
        """The part that files of results repeat; comparable with `requested`."""
        return {key: getattr(self, key) for key in REQUESTED}

    def attributes(self) -> dict[str, Any]:
        """All fields but `storage` as HDF5 attributes; `storage` is the data set's own type."""
        names = (
            *("model", "weights", "view", "module", "pool"),
            *("precision", "mean", "std", "shape", "rows"),
        )
        return {
            "backbone": self.probe.backbone,
            "layer": self.probe.layer,
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> "Provenance":
        """The inverse of `attributes`, to which `storage` was added."""
        return cls(
            probe=Probe(attributes["backbone"], attributes["layer"]),
            **{key: attributes[key] for key in (*REQUESTED, "rows")},
            mean=tuple(attributes["mean"]),
            std=tuple(attributes["std"]),
            shape=tuple(attributes["shape"]),
        )

    def refuse_other_probe(self, probe: Probe, what: str, stage: str) -> None:
        """Raise `StageError` if the file, `what` made by `stage`, belongs to another probe."""
        if self.probe != probe:
            raise StageError(
                expected=f"{what} of {probe}",
                found=f"that of {self.probe}",
                cause="a file that was renamed or copied by hand",
                do=f"dvc repro --force --single-item {stage}, then dvc repro",
            )


def requested(params: Mapping[str, Any], probe: Probe) -> dict[str, str]:
    """What `params.yaml` says about the features of `probe`; comparable with `Provenance.record`."""
    entry, extract = params["backbones"][probe.backbone], params["extract"]
    return {
        "model": entry["model"],
        "weights": entry["weights"],
        "view": seen_by(params, probe.backbone),
        **Tap.of(entry["layers"][probe.layer])._asdict(),
        "precision": extract["precision"],
        "storage": extract["storage"],
    }


def joined(records: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The records of several probes as one record: each value lists their values."""
    return {key: " ".join(record[key] for record in records) for key in REQUESTED}


def changed(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of `wanted` whose value in `found` differs, each with (found, wanted)."""
    pairs = {key: (found.get(key), value) for key, value in wanted.items()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def refuse_other_rows(what: str, of: str, found: str, wanted: str, do: str) -> None:
    """Raise `StageError` unless `what` was computed from the rows, or the split, of the index.

    `of` is "rows" or "splits"; `found` and `wanted` are their `index.digest` or `splits.digest`.
    """
    if found != wanted:
        raise StageError(
            expected=f"{what} of the {of} in the index ({wanted})",
            found=f"that of other {of} ({found})",
            cause="the images or the split changed in the meantime",
            do=do,
        )
