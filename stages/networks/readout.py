"""The readout of a layer: the pooling of its output over the plane or over the patch tokens.

Maps come as (b, c, h, w), or channels last as (b, h, w, c) (Swin). The images are square, so the two
equal sides tell which. Tokens come as (b, t, c): the prefix tokens (class and registers), then the
patches.
"""

import math

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from stages.runtime.errors import StageError


def read(output: Tensor, how: str, network: nn.Module) -> Tensor:
    """The readout of the output (b, ...) of a layer of `network`; `none` leaves the output as it is.

    All others are computed in float32:
    mean, max : over the plane or the patch tokens: (b, c)
    cls : the class token: (b, c)
    mean+cls : the mean, then the class token: (b, 2c)
    grid2 : means over a 2 x 2 grid: (b, c, 2, 2)

    Raises `StageError` if the output has no plane or no tokens, or lacks what `how` needs.
    """
    if how == "none":
        return output
    values = output.float()
    if "cls" in how:
        cls = _class_token(values, how, network)
        mean = _plane(values, how, network).mean((2, 3))
        return cls if how == "cls" else torch.cat([mean, cls], dim=1)
    plane = _plane(values, how, network)
    if how == "mean":
        return plane.mean((2, 3))
    if how == "max":
        return plane.amax((2, 3))
    if plane.shape[2] != plane.shape[3] or plane.shape[2] < 2:
        raise _refusal(how, "a square plane, of 2 x 2 or more", plane)
    return F.adaptive_avg_pool2d(plane, 2)


def _plane(output: Tensor, how: str, network: nn.Module) -> Tensor:
    """The output as (b, c, h, w); patch tokens that form no square come as (b, c, 1, t)."""
    if output.ndim == 3:
        patches = output[:, _prefix(output, how, network) :].transpose(1, 2)
        side = math.isqrt(patches.shape[2])
        square = (side, side) if side**2 == patches.shape[2] else (1, patches.shape[2])
        return patches.reshape(*patches.shape[:2], *square)
    if output.ndim != 4:
        raise _refusal(how, "maps (c, h, w) or tokens (t, c)", output)
    first, middle, last = output.shape[1:]
    if first == middle == last > 1:
        raise _refusal(how, "maps whose channels are told from their sides", output)
    if middle == last:
        return output
    if first == middle:
        return output.movedim(3, 1)
    raise _refusal(how, "a square plane", output)


def _class_token(output: Tensor, how: str, network: nn.Module) -> Tensor:
    """The first of the prefix tokens, (b, c)."""
    has_one = any(getattr(network, name, None) is not None for name in ("cls_token", "class_token"))
    if output.ndim != 3 or not has_one or not _prefix(output, how, network):
        raise _refusal(how, "tokens (t, c) with a class token", output)
    return output[:, 0]


def _prefix(output: Tensor, how: str, network: nn.Module) -> int:
    """The number of prefix tokens in `output`: all of the network's, or none before they are joined."""
    prefix: int | None = getattr(network, "num_prefix_tokens", None)
    patches: int | None = getattr(getattr(network, "patch_embed", None), "num_patches", None)
    if isinstance(network, torchvision.models.VisionTransformer):
        prefix, patches = 1, network.seq_length - 1
    if prefix is None:
        raise _refusal(how, "tokens of a network that tells its number of prefix tokens", output)
    # The number of patches is that of the network's own image size; at another size, they form a square.
    t = output.shape[1]
    fits = {count for count in (0, prefix) if t - count == patches}
    fits = fits or {count for count in (0, prefix) if math.isqrt(max(t - count, 0)) ** 2 == t - count}
    if len(fits) != 1:
        raise _refusal(how, f"{prefix} prefix tokens, or none, and then one token per patch", output)
    return fits.pop()


def _refusal(how: str, what: str, output: Tensor) -> StageError:
    return StageError(
        expected=f"for pool: {how}, {what}",
        found=f"an output of shape {tuple(output.shape[1:])}",
        cause="a pool of other layers: mean, max and grid2 are for maps (c, h, w) and tokens (t, c), "
        "cls and mean+cls for tokens with a class token, none for a vector",
        do="edit layers in params.yaml",
    )
