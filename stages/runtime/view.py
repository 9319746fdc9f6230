"""A view: how an image of any shape becomes the square that a network sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class View:
    """An entry under `views` in `params.yaml`; `size` and `crop` are in pixels.

    Without `crop`, an image is resized to size x size, whatever its shape. With `crop`, the shorter side
    is resized to `size`, the aspect ratio kept, and the centre of crop x crop pixels is cut.
    """

    size: int
    crop: int | None = None
    interpolation: str = "bilinear"

    @property
    def side(self) -> int:
        """The height and the width of what the network sees, in pixels."""
        return self.crop or self.size

    def __str__(self) -> str:
        """What the view does, in one word; allowed as its name in `params.yaml`."""
        shape = f"resize{self.size}_crop{self.crop}" if self.crop else f"square{self.size}"
        return f"{shape}_{self.interpolation}"


def seen_by(params: Mapping[str, Any], backbone: str) -> str:
    """What a backbone sees of an image, in one word: its view, and `_bgr` if blue comes first."""
    bgr = params["backbones"][backbone].get("channels") == "bgr"
    return f"{view_of(params, backbone)}{'_bgr' if bgr else ''}"


def view_of(params: Mapping[str, Any], backbone: str) -> View:
    """The view that a backbone of `params.yaml` names."""
    return View(**params["views"][params["backbones"][backbone]["view"]])
