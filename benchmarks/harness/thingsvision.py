"""`thingsvision` as a baseline, in an environment of its own.

    python -m benchmarks.harness.thingsvision  # makes the environment once: 6.7 GB in build/bench

Optional (`make bench-optional`): thingsvision 2.7.3 needs older versions of numpy and torchvision than
this project. `benchmarks.parts.extraction` measures thingsvision where the environment exists.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.harness.baselines import FEW, batch
from benchmarks.harness.measure import SCRATCH, Ask, process
from benchmarks.harness.miniature import PROJECT, Miniature

VENV = SCRATCH / "thingsvision"
MADE = VENV / ".made"  # exists once the environment is complete
COMMAND = "python -m benchmarks.harness.thingsvision"


@contextlib.contextmanager
def start(miniature: Miniature) -> Iterator[Ask]:
    """Start the script in that environment; it answers in seconds per image."""
    np.save(miniature.folder / "batch.npy", batch(miniature, FEW).numpy())
    (miniature.folder / "layers.json").write_text(json.dumps(miniature.layers))
    script = Path(__file__).with_name("thingsvision_script.py")
    python, weights = VENV.absolute() / "bin/python", PROJECT.weights(miniature.backbone)
    command = [str(word) for word in (python, "-I", script, miniature.folder, weights)]
    with process(command, TF_CPP_MIN_LOG_LEVEL="3") as ask:
        yield lambda way: ask(way) / FEW


def main() -> None:
    """Make the environment unless it exists."""
    if MADE.exists():
        return
    # The version of torch that thingsvision pins has no wheels for a newer Python.
    python = sys.executable if sys.version_info < (3, 12) else shutil.which("python3.11")
    if not python:
        raise SystemExit("thingsvision 2.7.3 wants Python 3.11 or older: found no python3.11")
    subprocess.run([python, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/python", "-m", "pip", "install", "thingsvision==2.7.3"], check=True)
    MADE.touch()


if __name__ == "__main__":
    main()
