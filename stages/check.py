"""Check the whole of `params.yaml`: keys, types, and that models, weights and layers exist.

    python -m stages.check

Reads `params.yaml`, writes nothing. `download` runs it first, so that a slip is told before hours of
work and not after; `weights` and `extract`, which load torch anyway, check the same by themselves.
"""

from stages.core import command, config, study


def main() -> None:
    """Print each backbone's layers and how many features they have."""
    for backbone, shapes in study.check(config.load()).items():
        for layer, shape in shapes.items():
            print(f"{backbone}/{layer}: {study.features(shape):,} features {shape}")


if __name__ == "__main__":
    command.run(main)
