import pytest

from stages.runtime import limits
from stages.runtime.errors import StageError


def test_a_kernel_that_does_not_fit_is_refused_with_the_most_that_does() -> None:
    most = 18_918  # the root of 8 GiB / 24 bytes is 18,918.6
    limits.refuse_kernel(most, 8)
    with pytest.raises(StageError, match=rf"at most {most} images.* found {most + 1} images.* 8.0 GiB"):
        limits.refuse_kernel(most + 1, 8)
