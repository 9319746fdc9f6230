"""The command line of a stage, and the one line that it prints when it fails."""

import argparse
import errno
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe


def run(main: Callable[..., None]) -> None:
    """Call a stage's `main` with the command line.

    A positional parameter becomes a positional argument: a `Probe` is parsed, `*x` takes one or more.
    A parameter `paths` becomes the options `--data` and `--results`, the two folders of all files.
    Any other keyword-only parameter becomes an option: a text, or a flag if annotated `bool`.
    A `StageError` or an `OSError` ends the process with one line and status 1.
    """
    parameters = inspect.signature(main).parameters.values()
    parser = argparse.ArgumentParser(
        prog=f"python -m {_module(main)}",
        description=inspect.getmodule(main).__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for parameter in parameters:
        _add(parser, parameter)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = vars(parser.parse_args())
    debug = arguments.pop("debug")
    if "data" in arguments:
        arguments["paths"] = Paths(arguments.pop("data"), arguments.pop("results"))
    positional: list[Any] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += arguments.pop(parameter.name)
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(arguments.pop(parameter.name))
    try:
        main(*positional, **arguments)
    except (StageError, OSError) as error:
        if debug:
            raise
        sys.exit(f"error: {_full_disk(error) or error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _add(parser: argparse.ArgumentParser, parameter: inspect.Parameter) -> None:
    name, kind = parameter.name, parameter.annotation
    if parameter.kind is parameter.VAR_POSITIONAL:
        parser.add_argument(name, nargs="+", metavar=name.upper())
    elif parameter.kind is not parameter.KEYWORD_ONLY:
        parser.add_argument(name, type=Probe.parse if kind is Probe else str)
    elif kind is Paths:
        for folder in ("data", "results"):
            text = "default: %(default)s"
            parser.add_argument(
                f"--{folder}", type=Path, metavar="FOLDER", default=Path(folder), help=text
            )
    elif kind is bool:
        parser.add_argument(f"--{name}", action="store_true")
    else:
        parser.add_argument(f"--{name}", metavar=name.upper(), required=True)


def _full_disk(error: Exception) -> StageError | None:
    # HDF5 reports a full disk in the error's text only, without an errno.
    if isinstance(error, StageError) or os.strerror(errno.ENOSPC) not in str(error):
        return None
    return StageError(
        expected="room on the disk",
        found=str(error),
        cause="a full disk; complete files are kept, half-written ones are removed",
        do="free space (`dvc gc --workspace` removes results that params.yaml no longer asks for; "
        "`make clean-partial` removes the work of interrupted runs), then dvc repro",
    )


def _module(main: Callable[..., None]) -> str:
    spec = sys.modules[main.__module__].__spec__
    return spec.name if spec else main.__module__
