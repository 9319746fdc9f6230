"""What is known of each backbone: results, layers, what it sees and says, how long training takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.inspection import record, summary
from stages.inspection.record import Inspection, Predictions
from stages.reporting import ranking
from stages.reporting.results import Study, holds
from stages.reporting.table import Result, Row
from stages.runtime import files, timing
from stages.runtime.view import View, seen_by, view_of


@dataclass(frozen=True)
class Backbone:
    """One backbone of params.yaml; a value is None if its stage has not run.

    step_seconds : of one training step, per image
    slowed : whether other programs made that time longer
    """

    name: str
    model: str
    weights: str
    view: View
    rows: list[Row]
    layers: list[summary.Layer] | None = None
    inspection: Inspection | None = None
    step_seconds: float | None = None
    slowed: bool = False

    @property
    def results(self) -> list[Result]:
        """The results of its layers, in order."""
        return [row.result for row in self.rows if row.result]

    @property
    def random(self) -> bool:
        """Whether its weights are random."""
        return self.weights.startswith("random")

    @property
    def best(self) -> Result | None:
        """The result with the highest accuracy, with the tuned C."""
        return ranking.best(self.results)

    @property
    def parameters(self) -> int | None:
        """The number of its parameters."""
        return self.layers[-1].total if self.layers else None

    @property
    def said(self) -> Predictions | None:
        """Its predictions for the images, if it has an ImageNet head."""
        said = self.inspection.said if self.inspection else None
        return said if isinstance(said, Predictions) else None

    @property
    def note(self) -> str:
        """Why it has no predictions."""
        if self.inspection is None:
            return "not run"
        return self.inspection.said if isinstance(self.inspection.said, str) else ""


def read(study: Study, rows: Sequence[Row]) -> list[Backbone]:
    """All backbones of the parameters, in order."""
    paths = study.paths
    found = []
    for name, entry in study.params["backbones"].items():
        layers, spent = (
            paths.summary(name, ".csv"),
            files.read_json(paths.timings("time_training", name)),
        )
        found.append(
            Backbone(
                name=name,
                model=entry["model"],
                weights=entry["weights"],
                view=view_of(study.params, name),
                rows=[row for row in rows if row.probe.backbone == name],
                layers=summary.read_csv(layers) if layers.exists() else None,
                inspection=_inspection(study, name),
                step_seconds=spent.get("seconds_per_image"),
                slowed=bool(spent) and timing.slowed(spent),
            )
        )
    return found


def one_of_each_model(backbones: Sequence[Backbone]) -> list[Backbone]:
    """The first backbone of each model, for what does not depend on the weights."""
    first: dict[str, Backbone] = {}
    for backbone in backbones:
        first.setdefault(backbone.model, backbone)
    return list(first.values())


def _inspection(study: Study, name: str) -> Inspection | None:
    path, entry = study.paths.inspection(name), study.params["backbones"][name]
    found = record.read(path) if path.exists() else None
    # An inspection of other weights lingers if the present weights cannot be fetched.
    wanted = {"model": entry["model"], "weights": entry["weights"]}
    wanted["view"] = seen_by(study.params, name)
    return found if found and holds(vars(found), wanted) else None
