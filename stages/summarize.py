"""List a backbone's layers with output shapes and parameter counts.

    dvc repro summarize@vgg16

Reads `backbones.<b>.model` and the view of params.yaml; needs no weights.
Writes data/summaries/<b>/layers.csv and layers.md.
"""

from stages.inspection import summary, tracing
from stages.networks import models
from stages.runtime import command, errors, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.view import view_of


def main(backbone: str, *, paths: Paths) -> None:
    params = load_params()
    model, size = params["backbones"][backbone]["model"], view_of(params, backbone).side
    with errors.about(f"backbone {backbone}"):
        layers = tracing.trace(models.outline(model), size)
    summary.write_csv(paths.summary(backbone, ".csv"), layers)
    weights, total = sum(layer.weights for layer in layers), layers[-1].total
    about = f"`{model}`, images of {size} x {size}: {total:,} parameters, {weights:,} without biases."
    page = "\n".join([f"# {backbone}", "", about, "", summary.markdown(layers)])
    files.write_text(paths.summary(backbone, ".md"), page)


if __name__ == "__main__":
    command.run(main)
