"""Configuration of the documentation; `make docs` builds it."""

import importlib
import os
import re
import warnings
from pathlib import Path

import sklearn_siamese_speaker
from sklearn_siamese_speaker.nn import LOSSES, SPACES
from sklearn_siamese_speaker.nn.protocols import ask

project = "sklearn_siamese_speaker"
author = "The sklearn_siamese_speaker developers"
copyright = f"2026, {author}"
release = version = sklearn_siamese_speaker.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "generated/names.rst", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
default_role = "code"
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# sphinx-gallery leaves a function in its configuration, which Sphinx cannot cache.
suppress_warnings = ["config.cache"]

autodoc_typehints = "none"
numpydoc_show_class_members = False

# The build needs no network; with it, names of other libraries become links.
intersphinx_mapping = (
    {
        "sklearn": ("https://scikit-learn.org/stable", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "torch": ("https://pytorch.org/docs/stable", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
    }
    if os.environ.get("DOCS_LINKS")
    else {}
)

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_siamese_speaker"
html_show_sourcelink = False
html_static_path = ["_static"]
html_logo = html_favicon = "_static/logo.svg"
html_css_files = ["custom.css"]
html_theme_options = {
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "logo": {"text": "sklearn_siamese_speaker"},
}
html_sidebars = {"index": [], "api": [], "whats_new": [], "contributing": [], "releasing": []}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("sklearn_siamese_speaker",),
    "reference_url": {"sklearn_siamese_speaker": None},
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
    "capture_repr": (),
    "show_memory": False,
    "show_signature": False,
    "plot_gallery": os.environ.get("DOCS_GALLERY", "True"),
}

# What an example warns of belongs to a user's terminal, not to the page.
warnings.filterwarnings("ignore", message=".*non-interactive.*", category=UserWarning)


# What the pages say of registered names follows from the package.


def filled(text):
    """Return a page with names where it says ``[package]``, and with the table of losses."""
    lines, module = [], ""
    for line in text.splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1] + "."
        if found := re.fullmatch(r"   \[([\w.]+)\]", line):
            lines += [f"   {name.removeprefix(module)}" for name in public_names(found[1])]
        else:
            lines += table_of_losses() if line == ".. table of losses" else [line]
    return "\n".join(lines) + "\n"


def public_names(package):
    """Return the addresses of the classes and functions of a package, in the order of its files."""
    module = importlib.import_module(package)
    things = {name: getattr(module, name) for name in module.__all__}
    return [f"{thing.__module__}.{name}" for name, thing in things.items() if callable(thing)]


def table_of_losses():
    """Return the lines of a table: which loss goes with which metric, and with random pairs."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += row("loss", *SPACES, '`pairs="random"`')
    losses = {f'"{name}"': loss for name, loss in LOSSES.items()}
    for name, loss in {**losses, "a callable": None}.items():
        metrics = ask(loss, "metrics")
        goes = [metrics is None or space.plain_metric in metrics for space in SPACES.values()]
        goes.append(ask(loss, "takes_pairs"))
        lines += row(name, *("yes" if one else "no" for one in goes))
    return lines


def row(first, *others):
    """Return the lines of a row of a table."""
    return [f"   * - {first}", *(f"     - {other}" for other in others)]


def setup(app):
    """Fill the pages when they are read; autosummary reads a file itself, so it gets a copy."""
    copy = Path(app.srcdir, "generated", "names.rst")
    copy.parent.mkdir(exist_ok=True)
    page = filled(Path(app.srcdir, "api.rst").read_text(encoding="utf-8"))
    copy.write_text(page.replace(":toctree: generated", ":toctree: ."), encoding="utf-8")
    app.config.autosummary_generate = ["generated/names.rst"]
    app.connect("source-read", lambda app, name, source: source.append(filled(source.pop())))
