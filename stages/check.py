"""Check `params.yaml` before any work starts.

    python -m stages.check            keys, types, and that models, weights and layers exist; recipes
    python -m stages.check --quiet    the same, and nothing is printed
    python -m stages.check --names    keys and types only, without loading torch

Reads `params.yaml`, writes nothing. Prints the features of each layer, and for each backbone with
pretrained weights the view with which they were evaluated, as an entry for `views`.
DVC puts names of backbones and fusions into shell commands; each stage that DVC may start before
`download` checks the names first.
"""

import math
from collections.abc import Mapping
from typing import Any

from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.view import view_of


def main(*, names: bool = False, quiet: bool = False) -> None:
    """Print the number of features of each layer, and the recipes of the weights."""
    params = load_params()
    if names:
        return
    from stages.networks.layers import check_backbones  # loads torch, which takes seconds

    found = check_backbones(params)
    if quiet:
        return
    for backbone, shapes in found.items():
        for layer, shape in shapes.items():
            print(f"{backbone}/{layer}: {math.prod(shape):,} features {shape}")
    tell_recipes(params)


def tell_recipes(params: Mapping[str, Any]) -> None:
    """Print the recipe of each backbone's weights, and whether the backbone's view is another one."""
    from stages.networks.models import recipe

    found = {name: recipe(entry) for name, entry in params["backbones"].items()}
    if any(found.values()):
        print("The recipes of the weights, for `views`:")
    for name, wanted in found.items():
        if wanted:
            crop = wanted.crop or "null"
            entry = f"{{ size: {wanted.size}, crop: {crop}, interpolation: {wanted.interpolation} }}"
            differs = "has" if wanted == view_of(params, name) else "differs from"
            print(f"  {wanted}: {entry} # {name} {differs} it: view {params['backbones'][name]['view']}")


if __name__ == "__main__":
    command.run(main)
