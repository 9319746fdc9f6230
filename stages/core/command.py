"""How a stage is called and how it fails: keyword paths in, one clear line out."""

import argparse
import inspect
import sys
from collections.abc import Callable
from pathlib import Path


class StageError(Exception):
    """Something the user can mend, told in one line.

    Parameters
    ----------
    expected, found : what was wanted and what there was instead
    cause : the likely reason
    do : the next thing to run or to edit
    """

    def __init__(self, *, expected: str, found: str, cause: str, do: str) -> None:
        line = f"expected {expected}; found {found}. Likely cause: {cause}. Next: {do}."
        super().__init__(" ".join(line.split()))

    def within(self, what: str) -> "StageError":
        """The same error, with `what` it is about put in front."""
        self.args = (f"{what}: {self.args[0]}",)
        return self


def run(main: Callable[..., None]) -> None:
    """Call a stage's `main` with the command line.

    Its positional parameters become positional arguments, its keyword-only ones required
    `--options` that are paths. `dvc.yaml` spells them all out, so it alone knows where files are.
    A `StageError` or an `OSError` ends the process with one line and status 1.
    """
    parameters = inspect.signature(main).parameters.values()
    parser = argparse.ArgumentParser(
        prog=f"python -m {_module(main)}",
        description=inspect.getmodule(main).__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY:
            parser.add_argument(f"--{parameter.name}", type=Path, required=True, metavar="PATH")
        else:
            parser.add_argument(parameter.name)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = vars(parser.parse_args())
    debug = arguments.pop("debug")
    try:
        main(**arguments)
    except (StageError, OSError) as error:
        if debug:
            raise
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _module(main: Callable[..., None]) -> str:
    spec = sys.modules[main.__module__].__spec__
    return spec.name if spec else main.__module__
