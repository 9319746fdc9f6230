"""List a backbone's layers: what each puts out, its parameters, and how they multiply up.

    dvc repro summarize@vgg16

Reads `backbones.<b>.model` and `data.image_size` of params.yaml; needs no weights, computes nothing.
Writes results/anatomy/<b>.csv and results/anatomy/<b>.md.
"""

from pathlib import Path

from stages.inspection import summary, tracing
from stages.networks import models
from stages.runtime import command, files
from stages.runtime.errors import StageError
from stages.runtime.params import load_params


def main(backbone: str, *, table: Path, page: Path) -> None:
    """Write the layers of `backbone` as a table and as a page."""
    params = load_params()
    model, size = params["backbones"][backbone]["model"], params["data"]["image_size"]
    try:
        layers = tracing.dissect(models.outline(model), size)
    except StageError as error:
        raise error.within(f"backbone {backbone}") from error
    weights, total = sum(layer.weights for layer in layers), layers[-1].total
    about = f"`{model}`, images of {size} x {size}: {total:,} parameters, {weights:,} without biases."
    with files.whole_file(table) as partial:
        summary.write_csv(partial, layers)
    with files.whole_file(page) as partial:
        text = "\n".join([f"# {backbone}", "", about, "", summary.markdown(layers)])
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
