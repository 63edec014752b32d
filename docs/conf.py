"""Configuration of the documentation; `make docs` builds it."""

import os
import warnings

import sklearn_siamese_speaker

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
exclude_patterns = ["_build", "_templates", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
default_role = "code"
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# sphinx-gallery leaves a function in its configuration, which Sphinx cannot cache.
suppress_warnings = ["config.cache"]

autosummary_generate = True
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
