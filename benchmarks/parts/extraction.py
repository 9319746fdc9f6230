"""How fast all layers of a network are extracted, beside its bare forward pass and two other ways.

    python -m benchmarks.parts.extraction --make-thingsvision  # once: 6.7 GB in build/bench/thingsvision
    python -m benchmarks.parts.extraction                      # seven minutes on two cores

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
import math
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from torch import nn

from benchmarks.harness import baselines as ways
from benchmarks.harness.baselines import BATCH, CPU, VENV
from benchmarks.harness.measure import SCRATCH, VGG16, Ask, Row, Times, alternate, keep
from benchmarks.harness.miniature import Study
from stages.dataset.pixels import Pixels
from stages.features import store
from stages.networks import inference
from stages.networks.layers import Shapes, check_backbones
from stages.runtime import devices
from stages.runtime.params import load_params

MAKE = "python -m benchmarks.parts.extraction --make-thingsvision"
# Another way's features may differ from ours by so much of their length: float16's rounding.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Case(Study):
    """A study with fewer.h5 of a batch, and images.h5 of `images` more.

    By precision, `once` holds the seconds that each run of ours took beside those per image, `sizes` the
    bytes of its files, `profile` which shares of its time went where.
    """

    images: int
    once: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, int] = field(default_factory=dict)
    profile: dict[str, str] = field(default_factory=dict)
    _networks: dict[str, nn.Module] = field(default_factory=dict)

    def make(self) -> "Case":
        """Fill the folder."""
        self.folder.mkdir()
        self.add_images("fewer", BATCH)
        self.add_images("images", BATCH + self.images)
        self._choose("float32")
        return self

    def ours(self, precision: str, *, compressed: bool = True) -> float:
        """Run the stage `extract` twice; return its seconds per image."""
        self._choose(precision)
        network = self.network(precision)
        filters = store.FILTERS if compressed else {each: {} for each in store.FILTERS}
        with (
            mock.patch.object(store, "FILTERS", filters),
            mock.patch.object(inference, "load_network", return_value=network),  # not measured: not done
        ):
            few, many = (self.extract(self.file(name)) for name in ("fewer", "images"))
        each = float(many["pass_seconds"] - few["pass_seconds"]) / self.images
        if compressed:
            self.once[precision].append(few["pass_seconds"] - BATCH * each)
            self.profile[precision] = shares(many)
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

    def bare(self, precision: str) -> Ask:
        """The bare pass of that network."""
        return ways.bare(self, self.network(precision), self.deepest, precision, self.images)

    @property
    def shapes(self) -> Shapes:
        """In the order of the pass."""
        return check_backbones(load_params(self.folder / "params.yaml"))[self.backbone]

    @property
    def deepest(self) -> str:
        """The module path of the deepest layer."""
        return self.layers[list(self.shapes)[-1]]

    def check(self, file: str) -> None:
        """Stop unless `file` has the features that `ours` wrote last, but for rounding."""
        with np.load(self.folder / file) as others:
            for layer in self.layers:
                other = others[layer].astype(np.float64)
                blocks = store.Features(self.folder / f"features/{layer}.h5").blocks()
                difference = np.linalg.norm(np.hstack(list(blocks))[: len(other)] - other)
                if not difference <= TOLERANCE * np.linalg.norm(other):
                    raise SystemExit(
                        f"{layer}: {file} has other features than ours, by {difference:.3g}"
                    )

    def _choose(self, precision: str) -> None:
        self.set_params(extract={"precision": precision}, runtime={"device": "cpu", "batch_size": BATCH})


def shares(timings: Mapping[str, Any]) -> str:
    """Where the time of a run went, by the stage's own watches."""
    layers, whole = timings["layers"].values(), timings["pass_seconds"]
    spent = {
        "network": max(layer["forward_seconds"] for layer in layers),
        "copies": sum(layer["copy_seconds"] for layer in layers),
        "reading": timings["read_seconds"],
        "compressing and writing, on a thread beside these,": sum(
            layer["write_seconds"] for layer in layers
        ),
    }
    return ", ".join(f"{name} {100 * seconds / whole:.0f}%" for name, seconds in spent.items())


def faster(what: str, ours: Times, other: Times, least: float | None = None, note: str = "") -> Row:
    """How many times as fast ours is, at least `least`."""
    ratio = other.median / ours.median
    target, met = ("", None) if least is None else (f"at least {least:g}", ratio >= least)
    return Row(what, str(ours), str(other), ratio, target, met, note)


def title(case: Case, precision: str) -> str:
    """What a row is about."""
    return f"{case.backbone}, {len(case.layers)} layers, {precision}"


def limit(case: Case, precision: str, ours: Times, other: Times) -> Row:
    """Ours beside the bare pass: by images, and what is paid once."""
    once = max(0, statistics.median(case.once[precision]))
    told = f"and {once:.2g} s once, for the files and the last batch; {case.profile[precision]}"
    return faster(f"{title(case, precision)}: bare pass", ours, other, 0.95, told)


def in_plain_torch(case: Case, precision: str, ours: Times, other: Times) -> Row:
    """Ours beside the bare pass as one would write it."""
    return faster(f"{title(case, precision)}: bare pass in plain torch", ours, other)


def compressing(case: Case, ours: Times, plain: Times) -> Iterator[Row]:
    """What the files' compression costs, and what it saves if all the study's images are like these."""
    what, slower = title(case, "float32"), ours.median / plain.median
    told = "the time with compression over that without"
    yield Row(f"{what}: without compression", str(ours), str(plain), slower, "at most 1.03",
              slower <= 1.03, told)  # fmt: skip
    some, n = case.images + BATCH, len(Pixels(Path("data/images.h5")).names)
    full = sum(map(math.prod, case.shapes.values())) * 4 * n
    for precision in ("float32", "bfloat16"):
        size = case.sizes[precision] / some * n
        yield Row(f"{title(case, precision)}: files beside raw float32", f"{size / 1e9:.2f} GB",
                  f"{full / 1e9:.1f} GB", size / full, "at most 7 GB", size <= 7e9,
                  f"{some} images, scaled to {n}")  # fmt: skip


def compare_all(case: Case, rounds: int) -> Iterator[Row]:
    """Ours in both precisions beside the bare pass, the study's way and thingsvision."""
    made = (VENV / ".made").exists()
    with contextlib.ExitStack() as stack:
        plain = ways.apart("plain", case, "bfloat16", case.deepest)
        tasks: dict[str, Ask] = {
            "bfloat16": partial(case.ours, "bfloat16"),
            "bfloat16 bare": case.bare("bfloat16"),
            "bfloat16 plain": stack.enter_context(plain),
            "float32": partial(case.ours, "float32"),
            "float32 bare": case.bare("float32"),
            "uncompressed": partial(case.ours, "float32", compressed=False),  # our last: it is checked
            "study": stack.enter_context(ways.apart("study", case)),
        }
        if made:
            theirs = stack.enter_context(ways.thingsvision(case))
            tasks["together"] = partial(theirs, "together")
        times = alternate(rounds, **tasks)
        case.check("studys.npz")
        if made:
            case.check("theirs.npz")
            times["separately"] = Times([theirs("separately")])
    yield limit(case, "float32", times["float32"], times["float32 bare"])
    yield from compressing(case, times["float32"], times["uncompressed"])
    yield limit(case, "bfloat16", times["bfloat16"], times["bfloat16 bare"])
    yield in_plain_torch(case, "bfloat16", times["bfloat16"], times["bfloat16 plain"])
    others = {"study": ("the study's way", 10), "together": ("thingsvision, one call", 2),
              "separately": ("thingsvision, a call per layer", 2)}  # fmt: skip
    for precision in ("bfloat16", "float32"):
        ours, what = times[precision], title(case, precision)
        for key, (name, least) in others.items():
            if key in times:
                best = times[key].median / times["float32 bare"].median
                note = f"the bare pass is {best:.3g} times as fast" if precision == "float32" else ""
                yield faster(f"{what}: {name}", ours, times[key], least, note)
        if not made:
            yield Row(f"{what}: thingsvision", str(ours), f"not measured: {MAKE}")


def compare_limit(case: Case, rounds: int) -> Iterator[Row]:
    """Ours beside the bare pass, as it is here and as one would write it."""
    with ways.apart("plain", case, "float32", case.deepest) as plain:
        ours = partial(case.ours, "float32")
        times = alternate(rounds, ours=ours, bare=case.bare("float32"), plain=plain)
    yield limit(case, "float32", times["ours"], times["bare"])
    yield in_plain_torch(case, "float32", times["ours"], times["plain"])


def measure(images: int, rounds: int) -> None:
    """Measure and keep everything."""
    devices.choose("cpu")  # its malloc setting is the process's: for ours and for the bare pass
    with tempfile.TemporaryDirectory(dir=SCRATCH) as temporary:
        folder = Path(temporary).absolute()
        vgg = Case(folder / "vgg16", VGG16, images).make()
        lite = Case(folder / "lite", "efficientnet_lite0", 5 * images).make()
        rows = [*compare_all(vgg, rounds), *compare_limit(lite, rounds)]
    keep("extraction", "Extraction", rows, images=images, rounds=rounds)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=48, help="of VGG16, beside the first batch")
    parser.add_argument("--rounds", type=int, default=3, help="after one to warm up")
    parser.add_argument("--make-thingsvision", action="store_true", help="only make its environment")
    chosen = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    if chosen.make_thingsvision:
        ways.make_thingsvision()
    else:
        measure(chosen.images, chosen.rounds)


if __name__ == "__main__":
    main()
