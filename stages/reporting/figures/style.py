"""How all figures look: colours that colour-blind people tell apart, the same bytes every time."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

matplotlib.use("Agg")
matplotlib.rcParams["text.parse_math"] = False  # a dollar sign in a file name is a dollar sign
matplotlib.rcParams["font.size"] = 9
matplotlib.rcParams["axes.titlesize"] = 9.5

# Okabe and Ito 2008, "Color universal design".
BLUE, ORANGE, GREEN, PINK, SKY, RED = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"
COLOURS = (BLUE, ORANGE, GREEN, PINK, RED, SKY)
MARKERS = "osD^vP"
GREY, PALE = "#5f656d", "#e3e5e8"
WIDTH = 7.0  # inches
DPI = 150
PHOTO_DPI = 110  # photographs and maps have no finer detail, and their files are large


def save(figure: Figure, path: Path, dpi: int = DPI, colours: int | None = None) -> None:
    """Write a PNG without a time stamp or a version in it; with few `colours` it is half the size."""
    figure.savefig(path, dpi=dpi, metadata={"Software": None})
    if colours:
        with Image.open(path) as image:
            few = image.convert("RGB").quantize(colours)
        few.save(path, optimize=True)


def nothing(path: Path, text: str) -> None:
    """Write a figure that says why there is nothing to see."""
    figure = Figure(figsize=(WIDTH, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center", color=GREY)
    save(figure, path)


def blank(axis: Axes) -> None:
    """Take frame and ticks away."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def photo(axis: Axes, image: NDArray[np.uint8]) -> None:
    """Show pixels (c, s, s), grey or in colour."""
    rgb = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
    axis.imshow(rgb, interpolation="antialiased")


def light(axis: Axes, grid: str = "y") -> None:
    """No frame, and a pale grid behind the data."""
    axis.grid(axis=grid, color=PALE, linewidth=0.8)  # type: ignore[arg-type]
    axis.set_axisbelow(True)
    axis.tick_params(length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def short(text: str, limit: int) -> str:
    """The text, or as much of it as fits in `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
