from typing import Any

import pytest

from stages import summarize
from stages.inspection import tracing
from stages.inspection.summary import markdown, read_csv
from stages.networks import models
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths


@pytest.mark.usefixtures("folder")
def test_the_table_and_the_page_are_written_without_weights() -> None:
    summarize.main("squeeze", paths=Paths())
    layers = read_csv(Paths().summary("squeeze", ".csv"))
    assert layers == tracing.trace(models.build("torchvision/squeezenet1_1"), 64)
    assert Paths().summary("squeeze", ".md").read_text() == (
        "# squeeze\n\n`torchvision/squeezenet1_1`, images of 64 x 64: "
        "1,235,496 parameters, 1,231,552 without biases.\n\n" + markdown(layers)
    )


def test_another_image_size_gives_other_outputs(small: dict[str, Any], study: Any) -> None:
    small["views"]["square64"]["size"] = 96
    study(small)
    summarize.main("squeeze", paths=Paths())
    assert read_csv(Paths().summary("squeeze", ".csv"))[1].output == "47 x 47 x 64"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("torchvision/vit_b_16", "backbone squeeze: expected the network to take images of 64 x 64"),
        ("torchvision/squeezenet", "backbone squeeze: expected one of torchvision's"),
    ],
)
def test_an_error_names_the_backbone(
    model: str, message: str, small: dict[str, Any], study: Any
) -> None:
    small["backbones"]["squeeze"]["model"] = model
    folder = study(small)
    with pytest.raises(StageError, match=message):
        summarize.main("squeeze", paths=Paths())
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]
