"""What all tests of the statistics run with."""

import pytest
from threadpoolctl import ThreadpoolController


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small matrices: on a busy machine more threads only wait for each other."""
    with ThreadpoolController().limit(limits=1, user_api="blas"):
        yield
