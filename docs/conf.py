"""Sphinx settings. `make docs` builds into build/docs."""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

project = "txnats"
author = "The txnats authors"
copyright = author  # noqa: A001 - Sphinx wants this name
release = version_of("txnats")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline"]
# Some records have a field of this name, as JetStream has it.
suppress_warnings = ["ref.python"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"exclude-members": "log"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = True

html_theme = "furo"
html_title = f"txnats {release}"


def mend_links(app: Sphinx, relative_path: Path, parent_docname: str, content: list[str]) -> None:
    """Let the README's links to files, written for the folder above, work from this one."""

    def mended(link: re.Match[str]) -> str:
        target = link[1]
        if not (ROOT / target.partition("#")[0]).is_file():
            return link[0]
        return f"]({target.removeprefix('docs/')})" if target.startswith("docs/") else f"](path:../{target})"

    content[0] = re.sub(r"\]\(([^()\s]+)\)", mended, content[0])


def setup(app: Sphinx) -> None:
    """Hook into the include of README.md in index.md."""
    app.connect("include-read", mend_links)
