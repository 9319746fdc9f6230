"""How fast all layers of a network are extracted, beside its bare forward pass and two other ways.

    python -m benchmarks.extraction --make-thingsvision  # once: 6.7 GB in build/bench/thingsvision
    python -m benchmarks.extraction                      # about nine minutes on two cores

After `dvc repro`: reads params.yaml, data/images.h5 and data/weights/. On the CPU, in seconds per image;
loading the network is not counted. What is compared takes turns:

- ours: `stages.extract`, from the pixels on disk to the closed feature files. The seconds of a run over
  some images are taken from those of a run over more: a run's last batch is written while nothing else
  runs, which over thousands of images is nothing, and over a hundred is much;
- bare: the same network in the same process, up to the deepest layer, nothing kept: the limit;
- plain: that as one would write it, in a process that leaves malloc and the weights as they are;
- the study's way: for each layer a pass up to it over a `DataLoader`, float32, features kept in memory;
- thingsvision: the same layers of the same network, float32, features kept in memory.
"""

import argparse
import contextlib
import io
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from ruamel.yaml import YAML
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.measure import SCRATCH, Row, Times, keep
from stages import extract
from stages.core import backbones, config, devices, features, inference, study
from stages.core.pixels import Pixels

CPU = torch.device("cpu")
BATCH = 32  # images, whoever runs
VENV = SCRATCH / "thingsvision"
MAKE = "python -m benchmarks.extraction --make-thingsvision"
# Another way's features may differ from ours by so much of their length: float16's rounding.
TOLERANCE = 1e-3

Ask = Callable[..., float]  # runs something, returns seconds


@dataclass
class Case:
    """A study of one backbone in a folder: params.yaml, fewer.h5 of a batch, images.h5 of `images` more.

    By precision, `once` holds the seconds that each run of ours took beside those per image, `sizes` the
    bytes of its files.
    """

    folder: Path
    backbone: str
    images: int
    once: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, int] = field(default_factory=dict)
    _networks: dict[str, nn.Module] = field(default_factory=dict)

    def make(self) -> "Case":
        """Fill the folder from the project's params.yaml and data/."""
        self.folder.mkdir()
        for name, count in {"fewer": BATCH, "images": BATCH + self.images}.items():
            with h5py.File("data/images.h5", "r") as whole, self._file(name, "w") as part:
                # Evenly spaced: the images are sorted by class.
                rows = np.unique(np.linspace(0, len(whole["pixels"]) - 1, count).astype(int))
                part["pixels"], part["names"] = whole["pixels"][rows], whole["names"][rows]
                part["pixels"].attrs["rows"] = whole["pixels"].attrs["rows"]
        self._choose("float32")
        return self

    def ours(self, precision: str, *, compressed: bool = True) -> float:
        """Run the stage `extract` twice; return its seconds per image."""
        self._choose(precision)
        network = self.network(precision)
        filters = features.FILTERS if compressed else {each: {} for each in features.FILTERS}
        with (
            mock.patch.object(features, "FILTERS", filters),
            mock.patch.object(inference, "load_network", return_value=network),  # not measured: not done
        ):
            (few, fewer), (many, more) = self._run("fewer"), self._run("images")
        each = (more - fewer) / (many - few)
        if compressed:
            self.once[precision].append(fewer - few * each)
            self.sizes[precision] = sum(
                path.stat().st_size for path in (self.folder / "features").iterdir()
            )
        return each

    def network(self, precision: str) -> nn.Module:
        """Loaded as ours does, once."""
        if precision not in self._networks:
            network = inference.load_network(self.entry, self.weights, CPU, precision)
            self._networks[precision] = network
        return self._networks[precision]

    @property
    def weights(self) -> Path:
        return Path(f"data/weights/{self.backbone}.pth").absolute()

    @property
    def entry(self) -> dict[str, Any]:
        return dict(config.load()["backbones"][self.backbone])

    @property
    def layers(self) -> dict[str, str]:
        return dict(self.entry["layers"])

    @property
    def shapes(self) -> study.Shapes:
        """In the order of the pass."""
        return study.check(config.load(self.folder / "params.yaml"))[self.backbone]

    @property
    def deepest(self) -> str:
        """The module path of the deepest layer."""
        return self.layers[list(self.shapes)[-1]]

    def pixels(self) -> NDArray[np.uint8]:
        """The first `images` of images.h5; shape (images, c, s, s)."""
        return Pixels(self.folder / "images.h5")[: self.images]

    def batch(self) -> torch.Tensor:
        """The same, normalised, in torch's default layout."""
        return inference.Normalise(self.entry, CPU)(self.pixels()).contiguous()

    def check(self, file: str) -> None:
        """Stop unless `file` has the features that `ours` wrote last, but for rounding."""
        with np.load(self.folder / file) as others:
            for layer in self.layers:
                other = others[layer].astype(np.float64)
                blocks = features.Features(self.folder / f"features/{layer}.h5").blocks()
                difference = np.linalg.norm(np.hstack(list(blocks))[: len(other)] - other)
                if not difference <= TOLERANCE * np.linalg.norm(other):
                    raise SystemExit(
                        f"{layer}: {file} has other features than ours, by {difference:.3g}"
                    )

    def _file(self, name: str, mode: str) -> h5py.File:
        return h5py.File(self.folder / f"{name}.h5", mode)

    def _choose(self, precision: str) -> None:
        params = config.load()
        params["backbones"] = {self.backbone: params["backbones"][self.backbone]}
        params["probes"] = [f"{self.backbone}/{layer}" for layer in self.layers]
        params["fusions"], params["pca"]["probes"] = {}, params["probes"][:1]
        params["extract"]["precision"] = precision
        params["runtime"] |= {"device": "cpu", "batch_size": BATCH}
        with (self.folder / "params.yaml").open("w") as file:
            YAML().dump(params, file)

    def _run(self, name: str) -> tuple[int, float]:
        paths = {"pixels": Path(f"{name}.h5"), "weights": self.weights}
        outs = {"features": Path("features"), "timings": Path("timings.json")}
        # Its parameters are those of the folder it runs in; its progress bar would hide what we print.
        with contextlib.chdir(self.folder), contextlib.redirect_stderr(io.StringIO()):
            extract.main(self.backbone, **paths, **outs)
            seconds = json.loads(outs["timings"].read_text())["pass_seconds"]
        return len(Pixels(self.folder / f"{name}.h5").names), seconds


class _Reached(Exception):  # noqa: N818  (no error: the way to leave a forward pass early)
    pass


@contextlib.contextmanager
def cut(network: nn.Module, path: str) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Give `network` as it is up to the module at `path`: a batch in, that module's output out."""
    found: list[torch.Tensor] = []

    def stop(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        found[:] = [output]
        raise _Reached

    def run(batch: torch.Tensor) -> torch.Tensor:
        with contextlib.suppress(_Reached):
            network(batch)
        return found.pop()

    handle = network.get_submodule(path).register_forward_hook(stop)
    yield run
    handle.remove()


def bare(case: Case, precision: str, *, rounded: bool = True) -> Ask:
    """The bare pass, the network loaded.

    `rounded` weights are in `precision` beforehand, as ours are; else autocast rounds them every time.
    """
    network = case.network(precision if rounded else "float32")
    normalise, path, pixels = inference.Normalise(case.entry, CPU), case.deepest, case.pixels()

    @torch.inference_mode()
    def run() -> float:
        start = time.perf_counter()
        with cut(network, path) as forward, inference.computing(CPU, precision):
            for first in range(0, len(pixels), BATCH):
                forward(normalise(pixels[first : first + BATCH]))
        return (time.perf_counter() - start) / len(pixels)

    return run


def the_studys(case: Case) -> Ask:
    """A pass for each layer; it leaves studys.npz."""
    network = backbones.build(case.entry["model"])
    network.load_state_dict(torch.load(case.weights, weights_only=True))
    images = case.batch()
    loader = DataLoader(TensorDataset(images), batch_size=BATCH)

    @torch.no_grad()
    def features_of(path: str) -> NDArray[np.float32]:
        with cut(network, path) as forward:
            return torch.cat([forward(part).flatten(1) for (part,) in loader]).numpy()

    def run() -> float:
        start = time.perf_counter()
        found = {layer: features_of(path) for layer, path in case.layers.items()}
        seconds = time.perf_counter() - start
        np.savez(case.folder / "studys.npz", **found)
        return seconds / len(images)

    features_of(case.deepest)  # to warm up
    return run


@contextlib.contextmanager
def process(command: list[str], **variables: str) -> Iterator[Ask]:
    """A process that answers each line with a number of seconds: start it, and give what asks it."""
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, **variables},
        ) as started,
    ):  # fmt: skip

        def ask(line: str = "") -> float:
            print(line, file=started.stdin, flush=True)
            answer = started.stdout.readline()
            if not answer:
                log.seek(0)
                raise SystemExit(f"{command} ended:\n{log.read()[-2000:]}")
            return float(answer)

        try:
            yield ask
        finally:
            started.kill()


def apart(way: str, case: Case, precision: str = "float32") -> contextlib.AbstractContextManager[Ask]:
    """`answer` in a process of its own, where nobody called `devices.choose`."""
    arguments = [way, str(case.folder), case.backbone, precision]
    return process([sys.executable, "-m", "benchmarks.extraction", "--apart", *arguments])


def answer(way: str, folder: str, backbone: str, precision: str) -> None:
    """Run one batch one way at each line of standard input; print its seconds per image."""
    case = Case(Path(folder), backbone, BATCH)
    run = the_studys(case) if way == "study" else bare(case, precision, rounded=False)
    for _ in sys.stdin:
        print(run(), flush=True)


def thingsvision(case: Case, images: int) -> contextlib.AbstractContextManager[Ask]:
    """The script beside this one, run by the environment that has thingsvision."""
    np.save(case.folder / "batch.npy", case.batch()[:images].numpy())
    (case.folder / "layers.json").write_text(json.dumps(case.layers))
    script = Path(__file__).with_name("with_thingsvision.py")
    command = [f"{VENV.absolute()}/bin/python", "-I", str(script), str(case.folder), str(case.weights)]
    return process(command, TF_CPP_MIN_LOG_LEVEL="3")


def make_thingsvision() -> None:
    """Make that environment; `.made` says that it is whole."""
    # The torch that its pins lead to has no wheels for a newer Python.
    python = sys.executable if sys.version_info < (3, 12) else shutil.which("python3.11")
    if not python:
        raise SystemExit("thingsvision 2.7.3 wants Python 3.11 or older: found no python3.11")
    subprocess.run([python, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/python", "-m", "pip", "install", "thingsvision==2.7.3"], check=True)
    (VENV / ".made").touch()


def alternate(rounds: int, *, warm: bool, **tasks: Ask) -> dict[str, Times]:
    """`measure.in_turn` for tasks that tell their own seconds; `warm` them up with a round more."""
    found: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + warm):
        for name, task in tasks.items():
            seconds = task()
            print(f"{name:12} {seconds:.4f} s an image", file=sys.stderr, flush=True)
            if number >= warm:
                found[name].append(seconds)
    return {name: Times(seconds) for name, seconds in found.items()}


def faster(what: str, ours: Times, other: Times, least: float | None = None, note: str = "") -> Row:
    """How many times as fast ours is, at least `least`."""
    ratio = other.median / ours.median
    target, met = ("", None) if least is None else (f"at least {least:g}", ratio >= least)
    return Row(what, str(ours), str(other), ratio, target, met, note)


def title(case: Case, precision: str) -> str:
    """What a row is about."""
    return f"{case.backbone}, {len(case.layers)} layers, {precision}"


def against_limit(
    case: Case, precision: str, rounds: int, note: str = "", *, compression: bool = False
) -> Iterator[Row]:
    """Ours beside the bare pass, as it is here and as one would write it, and without compression."""
    with apart("plain", case, precision) as plain:
        tasks = {"ours": lambda: case.ours(precision), "bare": bare(case, precision), "plain": plain}
        if compression:
            tasks["uncompressed"] = lambda: case.ours(precision, compressed=False)
        times = alternate(rounds, warm=True, **tasks)
    yield limit(case, precision, times["ours"], times["bare"], note)
    yield faster(f"{title(case, precision)}: bare pass in plain torch", times["ours"], times["plain"])
    if compression:
        yield from compressing(case, precision, times["ours"], times["uncompressed"], note)


def limit(case: Case, precision: str, ours: Times, other: Times, note: str) -> Row:
    """Ours beside the bare pass: by images, and what is paid once."""
    what, once = f"{title(case, precision)}: bare pass", max(0, statistics.median(case.once[precision]))
    told = f"and {once:.2g} s once, for the files and the last batch; {note}".removesuffix("; ")
    return faster(what, ours, other, 0.95, told)


def compressing(case: Case, precision: str, ours: Times, plain: Times, note: str) -> Iterator[Row]:
    """What the files' compression costs, and what it saves if all the study's images are like these."""
    what, slower = title(case, precision), ours.median / plain.median
    told = "the time with compression over that without"
    yield Row(f"{what}: without compression", str(ours), str(plain), slower, "at most 1.03",
              slower <= 1.03, told)  # fmt: skip
    some, n = case.images + BATCH, len(Pixels(Path("data/images.h5")).names)
    size, full = case.sizes[precision] / some * n, sum(map(math.prod, case.shapes.values())) * 4 * n
    told = f"{some} images, scaled to {n}; {note}".removesuffix("; ")
    yield Row(f"{what}: files beside float32", f"{size / 1e9:.2f} GB", f"{full / 1e9:.1f} GB",
              size / full, "at most 7 GB", size <= 7e9, told)  # fmt: skip


def against_others(case: Case, rounds: int, note: str) -> Iterator[Row]:
    """Ours beside the bare pass in float32, the study's way and thingsvision."""
    made, few = (VENV / ".made").exists(), BATCH // 2  # thingsvision is slow
    with contextlib.ExitStack() as stack:
        studys = stack.enter_context(apart("study", case))
        tasks: dict[str, Ask] = {
            "bfloat16": lambda: case.ours("bfloat16"),
            "float32": lambda: case.ours("float32"),
            "uncompressed": lambda: case.ours("float32", compressed=False),  # our last: it is checked
            "bare": bare(case, "float32"),
            "study": studys,
        }
        if made:
            theirs = stack.enter_context(thingsvision(case, few))
            tasks["together"] = lambda: theirs("together") / few
        for name in tasks.keys() - {"bfloat16", "uncompressed", "study"}:  # these are warm
            tasks[name]()
        times = alternate(rounds, warm=False, **tasks)
        case.check("studys.npz")
        if made:
            case.check("theirs.npz")
            times["separately"] = Times([theirs("separately") / few])
    yield limit(case, "float32", times["float32"], times["bare"], note)
    yield from compressing(case, "float32", times["float32"], times["uncompressed"], note)
    for precision in ("bfloat16", "float32"):
        ours, what = times[precision], title(case, precision)
        yield faster(f"{what}: the study's way", ours, times["study"], 10, note)
        if made:
            yield faster(f"{what}: thingsvision, one call", ours, times["together"], 2, note)
            yield faster(f"{what}: thingsvision, a call per layer", ours, times["separately"], 2, note)
        else:
            yield Row(f"{what}: thingsvision", str(ours), f"not measured: {MAKE}")


def measure(images: int, rounds: int) -> None:
    """Measure and keep everything."""
    devices.choose("cpu")  # its malloc setting is the process's: for ours and for the bare pass
    trained = Path("data/weights/vgg16.pth").exists()
    note = "" if trained else "untrained: data/weights has no vgg16.pth"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=SCRATCH) as temporary:
        folder = Path(temporary).absolute()
        vgg = Case(folder / "vgg16", "vgg16" if trained else "vgg16_random", images).make()
        rows += against_limit(vgg, "bfloat16", rounds, note, compression=True)
        rows += against_others(vgg, min(rounds, 3), note)
        lite = Case(folder / "lite", "efficientnet_lite0", 5 * images).make()
        rows += against_limit(lite, "float32", rounds)
    keep("extraction", "Extraction", rows, images=images, rounds=rounds)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=64, help="of VGG16, beside the first batch")
    parser.add_argument("--rounds", type=int, default=4, help="three at most where they are long")
    parser.add_argument("--make-thingsvision", action="store_true", help="only make its environment")
    parser.add_argument("--apart", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    if chosen.make_thingsvision:
        make_thingsvision()
    elif chosen.apart:
        answer(*chosen.apart)
    else:
        measure(chosen.images, chosen.rounds)


if __name__ == "__main__":
    main()
