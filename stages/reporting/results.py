"""Look the results up among the files, and leave out what was made with other parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from stages.reporting import predictions
from stages.reporting.predictions import Component
from stages.reporting.table import PROTOCOLS, Memory, Neighbours, Result, Row, Scores, Softmax
from stages.runtime import timing
from stages.runtime.files import read_json
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.runtime.provenance import changed, joined, requested


@dataclass(frozen=True)
class Study:
    """The present parameters, files and splits.

    headline_digest, split_digest : `splits.digest` of the headline split, and of all splits
    """

    params: Mapping[str, Any]
    paths: Paths
    headline_digest: str
    split_digest: str

    def asks_for(self, record: Mapping[str, Any], probes: Sequence[Probe], **settings: Any) -> bool:
        """Whether `record` was made from `probes`, with the present parameters and with `settings`."""
        features = joined([requested(self.params, probe) for probe in probes])
        return holds(record, {**features, "normalize": self.params["svm"]["normalize"], **settings})


def holds(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a file's `record` says what is `wanted`; an empty record does not."""
    return bool(record) and not changed(record, wanted)


def collect(study: Study) -> list[Row]:
    """A row for each probe and fusion of the parameters.

    Files of other probes may linger and are ignored. A probe whose files are missing, or were made with
    other parameters, gives a row that says so. Probes of one backbone stand together; fusions come last.
    """
    probes = [Probe.parse(text) for text in study.params["probes"]]
    order = list(dict.fromkeys(probe.backbone for probe in probes))
    probes.sort(key=lambda probe: order.index(probe.backbone))
    rows = {probe: _layer(study, probe) for probe in probes}
    fusions = [
        _fusion(study, Probe(FUSION, name), [rows[Probe.parse(text)] for text in members])
        for name, members in study.params["fusions"].items()
    ]
    return [*rows.values(), *fusions]


def components(study: Study) -> dict[Probe, list[Component]]:
    """The curve of each layer that was tried on its principal components."""
    settings = {key: study.params["svm"][key] for key in ("folds", "seed")}
    found = {}
    for probe in map(Probe.parse, study.params["pca"]["probes"]):
        record = read_json(study.paths.pca(probe, ".json"))
        C = read_json(study.paths.metrics(probe, "tuned")).get("C")
        wanted = {**settings, "C": C, "split_digest": study.headline_digest}
        spent = read_json(study.paths.timings("pca", probe))
        if spent and study.asks_for(record, [probe], **wanted):
            curve = study.paths.pca(probe, ".csv")
            found[probe] = predictions.read_components(curve, spent["svm_seconds"])
    return found


def _layer(study: Study, probe: Probe) -> Row:
    paths, trained = study.paths, _trained(study, probe, [probe])
    decode, extract = _decode(study, probe.backbone), _extract(study, probe.backbone)
    gram = read_json(paths.timings("gram", probe))
    if not (trained and decode and extract and probe.layer in extract["layers"] and gram):
        return Row(probe, "not run")
    if not trained.current:
        return Row(probe, "out of date")
    result = _result(
        probe,
        trained,
        gram["kernel_seconds"],
        feature_seconds=decode["decode_seconds"] + _pass_seconds(extract, [probe]),
        feature_processor=extract["device"],
        memory=Memory(extract["peak_bytes"] - extract["loaded_bytes"], gram["peak_bytes"]),
        slowed=_slowed({"decode": decode, "extract": extract, "gram": gram, **trained.spent}),
        softmax=_softmax(study, probe, gram["kernel_seconds"]),
        knn=_knn(study, probe),
    )
    return Row(probe, "run", result=result)


def _fusion(study: Study, fusion: Probe, rows: Sequence[Row]) -> Row:
    members = tuple(row.probe for row in rows)
    trained = _trained(study, fusion, members)
    if not trained:
        return Row(fusion, "not run", members)
    results = [row.result for row in rows if row.result]
    if len(results) < len(rows) or not trained.current:
        return Row(fusion, "out of date", members)
    views = {study.params["backbones"][probe.backbone]["view"]: probe.backbone for probe in members}
    passes = groupby(sorted(members, key=lambda probe: probe.backbone), lambda probe: probe.backbone)
    before = {stage for result in results for stage in result.slowed} - trained.spent.keys()
    result = _result(
        fusion,
        trained,
        sum(result.kernel_seconds for result in results),
        feature_seconds=sum(_decode(study, one)["decode_seconds"] for one in views.values())
        + sum(_pass_seconds(_extract(study, backbone), list(some)) for backbone, some in passes),
        feature_processor="; ".join(sorted({result.feature_processor for result in results})),
        slowed=(*sorted(before), *_slowed(trained.spent)),
    )
    return Row(fusion, "run", members, result)


@dataclass(frozen=True)
class _Trained:
    """The files of both protocols: metrics, what they were made with, and the times of each stage."""

    metrics: dict[str, dict[str, Any]]
    made: dict[str, dict[str, Any]]
    spent: dict[str, dict[str, Any]]
    current: bool  # made with the present parameters


def _trained(study: Study, probe: Probe, members: Sequence[Probe]) -> _Trained | None:
    """What was trained on the layers `members`; None if a file is missing."""
    paths, svm = study.paths, study.params["svm"]
    metrics, made = (
        {protocol: read_json(path(probe, protocol)) for protocol in PROTOCOLS}
        for path in (paths.metrics, paths.run)
    )
    spent = {stage: read_json(paths.timings(stage, probe)) for stage in ("train", "tune")}
    if not all(file for files in (metrics, made, spent) for file in files.values()):
        return None
    listed = {"members": " ".join(map(str, members)), "split_digest": study.split_digest}
    current = all(
        study.asks_for(record, members, **listed, **{key: svm[key] for key in svm if key in record})
        for record in made.values()
    )
    return _Trained(metrics, made, spent, current)


def _decode(study: Study, backbone: str) -> dict[str, Any]:
    return read_json(study.paths.timings("decode", study.params["backbones"][backbone]["view"]))


def _extract(study: Study, backbone: str) -> dict[str, Any]:
    return read_json(study.paths.timings("extract", backbone))


def _pass_seconds(extract: Mapping[str, Any], probes: Sequence[Probe]) -> float:
    """The time of one pass up to the deepest of these layers that also writes all of them."""
    spent = [extract["layers"][probe.layer] for probe in probes]
    forward = max(layer["forward_seconds"] for layer in spent)
    copying, writing, joining = (
        sum(layer[f"{what}_seconds"] for layer in spent) for what in ("copy", "write", "join")
    )
    return float(extract["read_seconds"] + max(forward + copying, writing) + joining)


def _slowed(records: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(stage for stage, record in records.items() if timing.slowed(record))


def _result(probe: Probe, trained: _Trained, kernel_seconds: float, **more: Any) -> Result:
    tuned, made = trained.metrics["tuned"], trained.made["tuned"]
    train, tune = trained.spent["train"], trained.spent["tune"]
    names = {field.name for field in fields(Scores)}
    scores = {
        protocol: Scores(**{key: value for key, value in metrics.items() if key in names})
        for protocol, metrics in trained.metrics.items()
    }
    return Result(
        probe,
        tuned=scores["tuned"],
        fixed=scores["fixed"],
        relative_C=tuned["relative_C"],
        tuned_at_edge=made["at_edge"],
        cv_accuracy=tuned["cv_accuracy"],
        feature_dim=made["feature_dim"],
        pool=made["pool"],
        n_train=tuned["n_train"],
        n_test=tuned["n_test"],
        splits=made["splits"],
        converged=all(record["converged"] for record in trained.made.values()),
        kernel_seconds=kernel_seconds,
        fit_seconds=train["fit_seconds"],
        svm_seconds=kernel_seconds + train["fit_seconds"],
        all_seconds=tune["all_seconds"],
        train_peak_bytes=max(spent["peak_bytes"] + spent["worker_bytes"] for spent in (train, tune)),
        svm_processor=train["processor"],
        **more,
    )


def _softmax(study: Study, probe: Probe, kernel_seconds: float) -> Softmax | None:
    record = read_json(study.paths.softmax(probe))
    spent = read_json(study.paths.timings("softmax", probe))
    settings = {**study.params["softmax"], "split_digest": study.headline_digest}
    if not spent or not study.asks_for(record, [probe], **settings):
        return None
    seconds = kernel_seconds + spent["map_seconds"] + spent["fit_seconds"]
    return Softmax(record["accuracy"], record["converged"], seconds, timing.slowed(spent))


def _knn(study: Study, probe: Probe) -> dict[str, Neighbours] | None:
    record = read_json(study.paths.knn(probe))
    wanted = {
        **requested(study.params, probe),
        **{key: study.params["svm"][key] for key in ("folds", "seed")},
        "ks": sorted(study.params["knn"]["k"]),
        "split_digest": study.split_digest,
    }
    if not holds(record, wanted):
        return None
    names = [field.name for field in fields(Neighbours)]
    return {
        metric: Neighbours(**{name: record[metric][name] for name in names})
        for metric in ("cosine", "euclidean")
    }
