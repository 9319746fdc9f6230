"""The names of the ImageNet classes of a network's outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torchvision


class NoClasses(Exception):  # noqa: N818  (an answer, not an error)
    """The outputs are not ImageNet classes; the text is the reason."""


def classes(entry: Mapping[str, Any], outputs: int) -> Sequence[str]:
    """The names of the classes of a backbone's `outputs` outputs, in order.

    1,000 outputs are ImageNet-1k in its usual order; timm's larger heads are ImageNet-12k or -21k. The
    user's own weights are judged by their number of outputs.
    Raises `NoClasses` for random weights, weights without a head, and any other number of outputs.
    """
    library, _, model = entry["model"].partition("/")
    weights = entry["weights"]
    if weights.startswith("random"):
        raise NoClasses("its weights are random, so its outputs stand for nothing")
    if library == "torchvision" and weights in (known := _known_weights(model)):
        names = known[weights].value.meta.get("categories")
        if not names:
            raise NoClasses(f"its weights {weights} come without a head of their own")
        return list(names)
    if outputs == 1000:
        return list(torchvision.models.AlexNet_Weights.DEFAULT.value.meta["categories"])
    return _larger(outputs)


def _known_weights(model: str) -> Mapping[str, Any]:
    return dict(torchvision.models.get_model_weights(model).__members__)


def _larger(outputs: int) -> Sequence[str]:
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset({"num_classes": outputs})
    if subset is None:
        raise NoClasses(f"its last layer has {outputs:,} outputs, which is no ImageNet head")
    # Keep the first synonym of "seashore, coast, seacoast".
    return [text.split(",")[0] for text in ImageNetInfo(subset).label_descriptions()]
