"""Run a module, then print the bytes of the most resident memory it had.

    python -m tests.support.peak stages.download ...

(What a parent is told of its child counts what the parent itself had when it began the child.)
"""

import runpy
import sys

from stages.runtime.timing import peak_bytes

if __name__ == "__main__":
    try:
        runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        print(ended, file=sys.stderr)
    print(peak_bytes())
