"""Time what training a whole network would take: a few steps on noise.

    dvc repro time_training@vgg16

Reads `backbones.<b>.model` and `data.image_size` of params.yaml; needs no weights, since a step takes
as long whatever they are. Writes data/timings/rehearse/<b>.json: seconds of a step (forward, backward,
gradient descent) per image.
"""

from pathlib import Path

import torch

from stages.networks import models
from stages.runtime import command, devices, timing
from stages.runtime.errors import StageError
from stages.runtime.params import load_params

IMAGES = 8  # in a step
STEPS = 3  # after a first one that is not counted


def main(backbone: str, *, timings: Path) -> None:
    """Write how long a training step of `backbone` takes."""
    params = load_params()
    device = devices.choose(params["runtime"]["device"])
    try:
        seconds = step_seconds(
            params["backbones"][backbone]["model"], params["data"]["image_size"], device
        )
    except StageError as error:
        raise error.within(f"backbone {backbone}") from error
    timing.write(
        timings,
        device=devices.describe(device),
        images=IMAGES,
        seconds_per_image=seconds / IMAGES,
    )


def step_seconds(model: str, size: int, device: torch.device) -> float:
    """Mean seconds of one step of gradient descent on `IMAGES` images of size x size."""
    torch.manual_seed(0)
    network = models.build(model).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for child in network.children():  # not itself: auxiliary heads stay out of it
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
            loss.item()  # waits for a GPU to be done
    return watch.seconds / STEPS


if __name__ == "__main__":
    command.run(main)
