"""Versions of what computes the figures, asked of the installed packages without loading them."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """Name and version of our own code, of Python and of the packages that the figures come from."""
    try:
        own = version("evalapp")
    except PackageNotFoundError:  # run from its folder, without having been installed
        own = "not installed"
    packages = {name: version(name) for name in ("numpy", "scipy", "pandas", "matplotlib")}
    return {"evalapp": own, "Python": platform.python_version(), **packages}
