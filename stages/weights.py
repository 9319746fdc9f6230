"""Turn a backbone's weights, whatever their kind, into one plain state dict.

    dvc repro weights@vgg16

Reads `backbones.<b>.model` and `.weights` of params.yaml and what they name: torchvision's or timm's
download, a Python package, a file under data/own/weights/, or a seed. Writes data/weights/<b>.pth.
"""

from pathlib import Path

import torch

from stages.core import backbones, command, config, output, study


def main(backbone: str, *, weights: Path) -> None:
    """Write the state dict of `backbone`."""
    params = config.load()
    study.check(params)
    try:
        state = backbones.state_dict(params["backbones"][backbone])
    except command.StageError as error:
        raise error.within(f"backbone {backbone}") from error
    with output.whole_file(weights) as partial, output.unfailing_file(partial) as file:
        torch.save(dict(state), file)


if __name__ == "__main__":
    command.run(main)
