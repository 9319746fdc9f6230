import pytest

from stages.core import memory
from stages.core.command import StageError


def test_a_kernel_that_does_not_fit_is_refused_with_the_most_that_does() -> None:
    most = 23_170  # the root of 8 GiB / 16 bytes is 23,170.5
    memory.refuse_kernel(most, 8)
    with pytest.raises(StageError, match=rf"at most {most} images.* found {most + 1} images.* 8.0 GiB"):
        memory.refuse_kernel(most + 1, 8)
