import pytest
import torch
from torch import Tensor

from stages.networks import head, models
from stages.runtime.errors import StageError

VGG, VIT, TIMM = "torchvision/vgg16", "torchvision/vit_b_32", "timm/vit_tiny_patch16_224"


def outline(model: str, *missing: str) -> dict[str, Tensor]:
    """A state dict with one value per tensor, NaN in those whose names start with one of `missing`."""
    names = models.outline(model).state_dict()
    return {name: torch.tensor(torch.nan if name.startswith(missing) else 1.0) for name in names}


@pytest.mark.parametrize(
    ("model", "missing", "expected"),
    [
        (VGG, ("classifier",), True),  # torchvision's IMAGENET1K_FEATURES
        (VGG, ("classifier.6",), True),
        (VGG, ("classifier.0",), False),  # classifier.3 runs later and is there
        (VGG, ("features.0",), False),
        (VIT, ("heads",), True),
        (VIT, ("encoder.layers.encoder_layer_11.self_attention.out_proj",), False),  # never called
        (VIT, ("class_token",), False),  # a parameter of the network itself
        (TIMM, ("head",), True),
        (TIMM, ("norm", "head"), True),
        (TIMM, ("pos_embed",), False),
    ],
)
def test_a_head_is_what_runs_last(model: str, missing: tuple[str, ...], expected: bool) -> None:
    state = outline(model, *missing)
    assert head.is_head(model, head.lacking(state), state) == expected


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("features.30", None),
        ("avgpool", None),
        ("classifier.0", "classifier.0"),
        ("classifier.4", "classifier.0"),
        ("classifier", "classifier.0"),
    ],
)
def test_layers_before_the_head_can_be_tapped_and_no_others(module: str, first: str | None) -> None:
    entry = {"model": VGG, "weights": "IMAGENET1K_FEATURES", "layers": {"x": {"module": module}}}
    state = outline(VGG, "classifier")
    if first is None:
        head.refuse_without(entry, state)
    else:
        match = rf"layer x \({module}\) .*; found weights IMAGENET1K_FEATURES without {first}, .*earlier"
        with pytest.raises(StageError, match=match):
            head.refuse_without(entry, state)


def test_whole_weights_refuse_nothing() -> None:
    head.refuse_without({"model": VGG, "weights": "x", "layers": {"x": "classifier.6"}}, outline(VGG))
