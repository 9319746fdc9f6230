"""Check `params.yaml` before any work starts.

    python -m stages.check            keys, types, and that models, weights and layers exist
    python -m stages.check --names    keys and types only, without loading torch

Reads `params.yaml`, writes nothing. DVC puts names of backbones and fusions into shell commands; each
stage that DVC may start before `download` checks the names first.
"""

import math

from stages.runtime import command
from stages.runtime.params import load_params


def main(*, names: bool = False) -> None:
    """Print the number of features of each layer."""
    params = load_params()
    if names:
        return
    from stages.networks.layers import check_backbones  # loads torch, which takes seconds

    for backbone, shapes in check_backbones(params).items():
        for layer, shape in shapes.items():
            print(f"{backbone}/{layer}: {math.prod(shape):,} features {shape}")


if __name__ == "__main__":
    command.run(main)
