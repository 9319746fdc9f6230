"""Time the training of a whole network: a few steps on noise.

    dvc repro time_training@vgg16

Reads `backbones.<b>.model` and the view of params.yaml. Random weights do, as weights do
not change the time. Writes data/timings/time_training/<b>.json: seconds of a step (forward, backward,
gradient descent) per image.
"""

import torch

from stages.networks import models
from stages.runtime import command, devices, errors, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.view import view_of

IMAGES = 8  # in a step
STEPS = 3  # after a first step that is not counted


def main(backbone: str, *, paths: Paths) -> None:
    params = load_params()
    model, size = params["backbones"][backbone]["model"], view_of(params, backbone).side
    device = devices.choose(params["runtime"]["device"])
    with errors.about(f"backbone {backbone}"):
        seconds = step_seconds(model, size, device)
    timing.write(
        paths.timings("time_training", backbone),
        device=devices.describe(device),
        images=IMAGES,
        seconds_per_image=seconds / IMAGES,
    )


def step_seconds(model: str, size: int, device: torch.device) -> float:
    """Mean seconds of one step of gradient descent on `IMAGES` images of size x size."""
    torch.manual_seed(0)
    network = models.build(model).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for child in network.children():  # not the network itself, which would run auxiliary heads
        child.train()
    descent = torch.optim.SGD(network.parameters(), lr=1e-6)
    images = torch.rand(IMAGES, 3, size, size, device=device).to(memory_format=torch.channels_last)
    labels = torch.zeros(IMAGES, dtype=torch.long, device=device)
    watch = timing.Stopwatch()
    for step in range(1 + STEPS):
        if step == 1:
            watch = timing.Stopwatch()
        with watch:
            descent.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            descent.step()
            loss.item()  # waits for a GPU
    return watch.seconds / STEPS


if __name__ == "__main__":
    command.run(main)
