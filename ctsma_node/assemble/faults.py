"""Whether a file could not be read for what is in it, or for what it lies on."""

from __future__ import annotations

import errno

_OF_BYTES = {errno.EINVAL, errno.EOVERFLOW}
"""What seeking to a place that a damaged length names ends with."""


def raise_if_of_the_system(error: Exception) -> None:
    """Raise an OSError again that no bytes can cause: a broken disk, no descriptors left, no permission.

    The instance may be sound then, so that its series must not be refused for good.
    """
    if isinstance(error, OSError) and error.errno is not None and error.errno not in _OF_BYTES:
        raise error
