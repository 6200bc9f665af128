"""How many threads the linear algebra uses: on small matrices they only wait for each other, on a busy machine long."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries, which takes a while


def blas_threads(most: int | None) -> AbstractContextManager[Any]:
    """A `with` block in which BLAS uses at most so many threads; None leaves them as they are."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=most, user_api="blas")
    return limit
