"""Time optimisations of the forward pass that were tried, and either taken or left out.

    python -m benchmarks.parts.left_out

Optional (`make bench-optional`): it needs a C++ compiler, and it measures settings that the pipeline
does not use. It needs no earlier results and takes six minutes. Each way runs a whole forward pass in
float32 on 64 images in batches of 32, in turn, in a process of its own:

- taken: as the stage `extract` runs it;
- plain: malloc keeps its default settings;
- asleep: the threads of OpenMP sleep while they wait;
- folded: batch norms are folded into the convolutions before them (ResNet50 only: VGG16 has none, and
  torch.fx cannot trace the networks of timm);
- compiled: by torch.compile.
"""

import argparse
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from benchmarks.harness.measure import Ask, Row, alternate, keep, process
from stages.networks import models
from stages.runtime import devices

MODELS = ("torchvision/vgg16", "torchvision/resnet50", "timm/tf_efficientnet_lite0")
WAYS = {
    "taken": "memory is kept between batches (mallopt)",
    "asleep": "OMP_WAIT_POLICY=PASSIVE",
    "folded": "batch norms folded",
    "compiled": "torch.compile",
}
IMAGES, BATCH, ROUNDS = 64, 32, 4


def network(model: str, way: str) -> Any:
    """The network with random weights, which take as long as any others."""
    torch.manual_seed(0)
    made = models.build(model)
    if way == "folded":
        made = fuse(made)
    made = made.to(memory_format=torch.channels_last)
    return torch.compile(made) if way == "compiled" else made


def answer(model: str, way: str) -> None:
    """Run a pass at each line of standard input; print its seconds per image."""
    if way != "plain":
        devices.choose("cpu")
    made = network(model, way)
    images = torch.rand(IMAGES, 3, 224, 224).to(memory_format=torch.channels_last)
    for _ in sys.stdin:
        print(seconds(made, images), flush=True)


@torch.inference_mode()
def seconds(made: nn.Module, images: Tensor) -> float:
    """Seconds of one pass, per image."""
    start = time.perf_counter()
    for first in range(0, IMAGES, BATCH):
        made(images[first : first + BATCH])
    return (time.perf_counter() - start) / IMAGES


def ask(model: str, way: str) -> AbstractContextManager[Ask]:
    """Start `answer` in a process of its own."""
    variables = {"OMP_WAIT_POLICY": "PASSIVE"} if way == "asleep" else {}
    return process(
        [sys.executable, "-m", "benchmarks.parts.left_out", "--answer", model, way], **variables
    )


def compare(model: str) -> list[Row]:
    """A row for each way that works for the model."""
    ways = [way for way in ("plain", *WAYS) if way != "folded" or "resnet" in model]
    with ExitStack() as stack:
        times = alternate(ROUNDS, **{way: stack.enter_context(ask(model, way)) for way in ways})
    rows = []
    for way in ways[1:]:
        taken, without = times[way], times["plain" if way == "taken" else "taken"]
        ratio = without.median / taken.median
        rows.append(Row(f"{model}: {WAYS[way]}", f"{taken}", f"{without} without", ratio))
    return rows


def main() -> None:
    """Compare the ways for all models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answer", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("models", nargs="*", default=MODELS)
    chosen = parser.parse_args()
    if chosen.answer:
        answer(*chosen.answer)
    else:
        rows = [row for model in chosen.models for row in compare(model)]
        keep("left_out", "Tried, taken or left out", rows)


if __name__ == "__main__":
    main()
