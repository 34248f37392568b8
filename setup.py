"""The one part that is compiled, where it can be: without Cython or a compiler, pure Python does the same."""

from __future__ import annotations

from setuptools import Extension, setup

SOURCE = "src/txnats/wire/_speedups.pyx"


def extensions() -> list[Extension]:
    """The compiled loop of the parser, unless there is no Cython."""
    try:
        from Cython.Build import cythonize  # noqa: PLC0415
    except ImportError:
        return []
    compiled: list[Extension] = cythonize([Extension("txnats.wire._speedups", [SOURCE])], build_dir="build/cython")
    for extension in compiled:
        extension.optional = True  # cythonize makes new ones, which would forget it
    return compiled


setup(ext_modules=extensions())
