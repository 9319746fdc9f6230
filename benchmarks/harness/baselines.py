"""The other ways to a network's features, beside which `benchmarks.parts.extraction` sets ours.

    python -m benchmarks.harness.baselines study <folder> <backbone>

is what that runs in a process of its own; as a module this gives what starts and asks it. All ways
answer with seconds per image.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.harness.measure import SCRATCH, Ask, process
from benchmarks.harness.miniature import Study
from stages.dataset.pixels import Pixels
from stages.networks import inference, models

CPU = torch.device("cpu")
BATCH, FEW = 32, 16  # images in a batch, whoever runs; of ways that are slow, this many suffice
VENV = SCRATCH / "thingsvision"


def batch(study: Study, count: int) -> torch.Tensor:
    """The first of the study's images, normalised, in torch's default layout."""
    return inference.Normalise(study.entry, CPU)(Pixels(study.file("images"))[:count]).contiguous()


class _Reached(Exception):  # noqa: N818  (no error: the way to leave a forward pass early)
    pass


@contextlib.contextmanager
def cut(network: nn.Module, path: str) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Give `network` as it is up to the module at `path`: a batch in, that module's output out."""
    found: list[torch.Tensor] = []

    def stop(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        found[:] = [output]
        raise _Reached

    def run(images: torch.Tensor) -> torch.Tensor:
        with contextlib.suppress(_Reached):
            network(images)
        return found.pop()

    handle = network.get_submodule(path).register_forward_hook(stop)
    yield run
    handle.remove()


def bare(study: Study, network: nn.Module, deepest: str, precision: str, count: int) -> Ask:
    """The forward pass of `network` up to the module `deepest`, nothing kept."""
    normalise, pixels = inference.Normalise(study.entry, CPU), Pixels(study.file("images"))[:count]

    @torch.inference_mode()
    def run(_: str = "") -> float:
        start = time.perf_counter()
        with cut(network, deepest) as forward, inference.computing(CPU, precision):
            for first in range(0, len(pixels), BATCH):
                forward(normalise(pixels[first : first + BATCH]))
        return (time.perf_counter() - start) / len(pixels)

    return run


def the_studys(study: Study) -> Ask:
    """A pass for each layer over a few images; it leaves studys.npz."""
    network = models.build(study.entry["model"])
    network.load_state_dict(torch.load(study.weights, weights_only=True))
    loader = DataLoader(TensorDataset(batch(study, FEW)), batch_size=BATCH)

    @torch.no_grad()
    def features_of(path: str) -> NDArray[np.float32]:
        with cut(network, path) as forward:
            return torch.cat([forward(part).flatten(1) for (part,) in loader]).numpy()

    def run(_: str = "") -> float:
        start = time.perf_counter()
        found = {layer: features_of(path) for layer, path in study.layers.items()}
        seconds = time.perf_counter() - start
        np.savez(study.folder / "studys.npz", **found)
        return seconds / FEW

    return run


def apart(way: str, study: Study, *more: str) -> contextlib.AbstractContextManager[Ask]:
    """A way in a process of its own, where nobody called `devices.choose`: malloc is left as it is."""
    return process(
        [
            sys.executable,
            "-m",
            "benchmarks.harness.baselines",
            way,
            str(study.folder),
            study.backbone,
            *more,
        ]
    )


@contextlib.contextmanager
def thingsvision(study: Study) -> Iterator[Ask]:
    """The script beside this one, run by the environment that has thingsvision."""
    np.save(study.folder / "batch.npy", batch(study, FEW).numpy())
    (study.folder / "layers.json").write_text(json.dumps(study.layers))
    script = Path(__file__).with_name("with_thingsvision.py")
    python = str(VENV.absolute() / "bin/python")
    command = [python, "-I", str(script), str(study.folder), str(study.weights)]
    with process(command, TF_CPP_MIN_LOG_LEVEL="3") as ask:
        yield lambda way: ask(way) / FEW


def make_thingsvision() -> None:
    """Make that environment; `.made` says that it is whole."""
    # The torch that its pins lead to has no wheels for a newer Python.
    python = sys.executable if sys.version_info < (3, 12) else shutil.which("python3.11")
    if not python:
        raise SystemExit("thingsvision 2.7.3 wants Python 3.11 or older: found no python3.11")
    subprocess.run([python, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/python", "-m", "pip", "install", "thingsvision==2.7.3"], check=True)
    (VENV / ".made").touch()


def main(way: str, folder: str, backbone: str, precision: str = "float32", deepest: str = "") -> None:
    """Go `way` at each line of standard input: `study`, or `plain` up to the module `deepest`."""
    study = Study(Path(folder), backbone)
    if way == "study":
        run = the_studys(study)
    else:
        # Autocast rounds the weights at every pass: that is what one would write.
        network = inference.load_network(study.entry, study.weights, CPU, "float32")
        run = bare(study, network, deepest, precision, BATCH)
    for _ in sys.stdin:
        print(run(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
