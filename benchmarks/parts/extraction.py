"""Time the extraction of all layers of a network against its bare forward pass and two other ways.

    python -m benchmarks.parts.extraction  # seven minutes on two cores

Runs after `dvc repro`, on the CPU; reads params.yaml, data/pixels/ and data/weights/. The ways take
turns. Results are seconds per image; loading the network does not count:
- ours: `stages.extract`, from the pixels on disk to the closed feature files: the seconds of a long run
  minus those of a run over one batch. The last batch is written while nothing else runs, which matters
  over a hundred images and not over thousands;
- bare: the same network in the same process, up to the deepest layer, nothing kept; this is the limit;
- plain: the bare pass in plain torch, in a process that leaves malloc and the weights as they are;
- the study's way: one pass over a `DataLoader` for each layer, float32, features kept in memory;
- thingsvision: the same layers of the same network, float32, features kept in memory. It needs an
  environment of its own (`make bench-optional`) and is left out without it.
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

from benchmarks.harness import baselines, thingsvision
from benchmarks.harness.baselines import BATCH, CPU
from benchmarks.harness.measure import LITE, SCRATCH, VGG16, Ask, Row, Times, alternate, keep
from benchmarks.harness.miniature import PROJECT, Miniature
from stages.dataset.pixels import Pixels
from stages.features import store
from stages.networks import inference
from stages.networks.layers import Shapes, check_backbones
from stages.runtime import devices
from stages.runtime.params import load_params
from stages.runtime.probe import Probe

# Features may differ from ours by this share of their length: the rounding to float16.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Case(Miniature):
    """Two sets of images: `fewer`, one batch, and `images`, one batch and `images` more.

    For each precision, `once` holds the fixed seconds of each run of ours, `sizes` the bytes of its
    feature files and `profile` the shares of its time.
    """

    images: int
    once: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, int] = field(default_factory=dict)
    profile: dict[str, str] = field(default_factory=dict)
    _networks: dict[str, nn.Module] = field(default_factory=dict)

    def make(self) -> "Case":
        """Make the folder with both sets of images."""
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
            mock.patch.object(inference, "load_network", return_value=network),  # not measured
        ):
            few, many = (self.extract(images) for images in ("fewer", "images"))
        each = float(many["pass_seconds"] - few["pass_seconds"]) / self.images
        if compressed:
            self.once[precision].append(few["pass_seconds"] - BATCH * each)
            self.profile[precision] = shares(many)
            written = self.paths("images").feature_folder(self.backbone).iterdir()
            self.sizes[precision] = sum(path.stat().st_size for path in written)
        return each

    def network(self, precision: str) -> nn.Module:
        """The network as the stage loads it, loaded once."""
        if precision not in self._networks:
            weights = PROJECT.weights(self.backbone)
            self._networks[precision] = inference.load_network(self.entry, weights, CPU, precision)
        return self._networks[precision]

    def bare(self, precision: str) -> Ask:
        """The bare pass of that network."""
        return baselines.bare(self, self.network(precision), self.deepest, precision, self.images)

    @property
    def shapes(self) -> Shapes:
        """The shapes of the layers' outputs, in the order of the pass."""
        return check_backbones(load_params(self.folder / "params.yaml"))[self.backbone]

    @property
    def deepest(self) -> str:
        """The module path of the deepest layer."""
        return self.layers[list(self.shapes)[-1]]

    def check(self, file: str) -> None:
        """Stop unless `file` has the features that `ours` wrote last, up to rounding."""
        with np.load(self.folder / file) as others:
            for layer in self.layers:
                other = others[layer].astype(np.float64)
                path = self.paths("images").features(Probe(self.backbone, layer))
                blocks = store.Features(path).blocks()
                difference = np.linalg.norm(np.hstack(list(blocks))[: len(other)] - other)
                if not difference <= TOLERANCE * np.linalg.norm(other):
                    raise SystemExit(
                        f"{layer}: {file} has other features than ours, by {difference:.3g}"
                    )

    def _choose(self, precision: str) -> None:
        self.set_params(extract={"precision": precision}, runtime={"device": "cpu", "batch_size": BATCH})


def shares(timings: Mapping[str, Any]) -> str:
    """The shares of a run's time, measured by the stage itself."""
    layers, whole = timings["layers"].values(), timings["pass_seconds"]
    writing = sum(layer["write_seconds"] for layer in layers)
    spent = {
        "network": max(layer["forward_seconds"] for layer in layers),
        "copies": sum(layer["copy_seconds"] for layer in layers),
        "reading": timings["read_seconds"],
        "compressing and writing, on a thread beside these,": writing,
    }
    return ", ".join(f"{name} {100 * seconds / whole:.0f}%" for name, seconds in spent.items())


def faster(what: str, ours: Times, other: Times, least: float | None = None, note: str = "") -> Row:
    """A row with the other's time over ours; the target is `least`."""
    ratio = other.median / ours.median
    target, met = ("", None) if least is None else (f"at least {least:g}", ratio >= least)
    return Row(what, str(ours), str(other), ratio, target, met, note)


def title(case: Case, precision: str) -> str:
    """What a row is about."""
    return f"{case.backbone}, {len(case.layers)} layers, {precision}"


def limit(case: Case, precision: str, ours: Times, other: Times) -> Row:
    """Ours against the bare pass, per image; the note has the fixed seconds."""
    once = max(0, statistics.median(case.once[precision]))
    told = f"and {once:.2g} s once, for the files and the last batch; {case.profile[precision]}"
    return faster(f"{title(case, precision)}: bare pass", ours, other, 0.95, told)


def in_plain_torch(case: Case, precision: str, ours: Times, other: Times) -> Row:
    """Ours against the bare pass in plain torch."""
    return faster(f"{title(case, precision)}: bare pass in plain torch", ours, other)


def compressing(case: Case, ours: Times, plain: Times) -> Iterator[Row]:
    """The time that compression costs, and the bytes of the files, scaled to all images."""
    what, slower = title(case, "float32"), ours.median / plain.median
    yield Row(f"{what}: without compression", str(ours), str(plain), slower, "at most 1.03",
              slower <= 1.03, "the time with compression over that without")  # fmt: skip
    some, n = case.images + BATCH, len(Pixels(PROJECT.pixels(case.entry["view"])).names)
    full = sum(map(math.prod, case.shapes.values())) * 4 * n
    for precision in ("float32", "bfloat16"):
        size = case.sizes[precision] / some * n
        yield Row(f"{title(case, precision)}: files beside raw float32", f"{size / 1e9:.2f} GB",
                  f"{full / 1e9:.1f} GB", size / full, "at most 7 GB", size <= 7e9,
                  f"{some} images, scaled to {n}")  # fmt: skip


def compare_all(case: Case, rounds: int) -> Iterator[Row]:
    """Ours in both precisions against the bare pass, the study's way and thingsvision."""
    made = thingsvision.MADE.exists()
    with contextlib.ExitStack() as stack:
        plain = baselines.apart("plain", case, "bfloat16", case.deepest)
        tasks: dict[str, Ask] = {
            "bfloat16": partial(case.ours, "bfloat16"),
            "bfloat16 bare": case.bare("bfloat16"),
            "bfloat16 plain": stack.enter_context(plain),
            "float32": partial(case.ours, "float32"),
            "float32 bare": case.bare("float32"),
            # The last of ours: `check` reads its files.
            "uncompressed": partial(case.ours, "float32", compressed=False),
            "study": stack.enter_context(baselines.apart("study", case)),
        }
        if made:
            theirs = stack.enter_context(thingsvision.start(case))
            tasks["together"] = partial(theirs, "together")
        times = alternate(rounds, **tasks)
        case.check("study.npz")
        if made:
            case.check("thingsvision.npz")
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
            yield Row(f"{what}: thingsvision", str(ours), f"not measured: {thingsvision.COMMAND}")


def compare_limit(case: Case, rounds: int) -> Iterator[Row]:
    """Ours against the bare pass, with the stage's settings and in plain torch."""
    with baselines.apart("plain", case, "float32", case.deepest) as plain:
        ours = partial(case.ours, "float32")
        times = alternate(rounds, ours=ours, bare=case.bare("float32"), plain=plain)
    yield limit(case, "float32", times["ours"], times["bare"])
    yield in_plain_torch(case, "float32", times["ours"], times["plain"])


def measure(images: int, rounds: int) -> None:
    """Measure both backbones and keep the rows."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    devices.choose("cpu")  # sets malloc for the whole process: ours and the bare pass
    with tempfile.TemporaryDirectory(dir=SCRATCH) as temporary:
        folder = Path(temporary).absolute()
        vgg = Case(folder / "vgg16", VGG16, images).make()
        lite = Case(folder / "lite", LITE, 5 * images).make()
        rows = [*compare_all(vgg, rounds), *compare_limit(lite, rounds)]
    keep("extraction", "Extraction", rows, images=images, rounds=rounds)


def main() -> None:
    """Measure what the command line asks for."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--images", type=int, default=48, help="of VGG16, beside the first batch")
    parser.add_argument("--rounds", type=int, default=3, help="after one to warm up")
    chosen = parser.parse_args()
    measure(chosen.images, chosen.rounds)


if __name__ == "__main__":
    main()
