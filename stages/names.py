"""Refuse a `params.yaml` with a name that is not allowed, before a shell meets that name.

    python -m stages.names

DVC puts names of backbones and fusions into commands. A stage that runs without waiting for `download`,
which checks everything, runs this first. Reads `params.yaml`, writes nothing.
"""

from stages.core import command, config


def main() -> None:
    """Check it, names and all."""
    config.load()


if __name__ == "__main__":
    command.run(main)
