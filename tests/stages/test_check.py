import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.study import ROOT

from stages import check
from stages.runtime.errors import StageError


@pytest.mark.usefixtures("folder")
def test_check_prints_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    check.main()
    assert "squeeze/pool2: 6,272 features (128, 7, 7)" in capsys.readouterr().out


def test_check_prints_the_recipe_of_the_weights(
    small: dict[str, Any], study: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Random weights have none."""
    small["backbones"]["squeeze"].update(weights="IMAGENET1K_V1", view="square64")
    study(small)
    check.main()
    told = capsys.readouterr().out.splitlines()
    assert told[-2] == "The recipes of the weights, for `views`:"
    entry = "{ size: 256, crop: 224, interpolation: bilinear }"
    name = "resize256_crop224_bilinear"
    assert told[-1] == f"  {name}: {entry} # squeeze differs from it: view square64"
    small["views"]["square64"].update(size=256, crop=224)
    study(small)
    check.main()
    assert capsys.readouterr().out.endswith("# squeeze has it: view square64\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("less", ["names", "quiet"])
def test_nothing_is_printed_if_asked_to(less: str, capsys: pytest.CaptureFixture[str]) -> None:
    check.main(**{less: True})
    assert capsys.readouterr().out == ""


def test_names_alone_need_no_torch(folder: Path) -> None:
    program = (
        "import sys; from stages import check; check.main(names=True); sys.exit('torch' in sys.modules)"
    )
    variables = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=variables, check=True)


def test_names_alone_refuse_an_unknown_key(folder: Path) -> None:
    with (folder / "params.yaml").open("a") as file:
        file.write("more: 1\n")
    with pytest.raises(StageError, match="unknown key 'more'"):
        check.main(names=True)
