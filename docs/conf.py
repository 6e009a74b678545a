"""Sphinx configuration: ``sphinx-build -W -n --keep-going docs docs/_build/html``."""

import os

from docutils import nodes

from skautoseqrec import __version__

project = "skautoseqrec"
author = "The skautoseqrec developers"
project_copyright = author
release = __version__
extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
nitpicky = True

# A page for each public name, and an anchor for each public method.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 88

# A build needs no network. Where there is one, names of other libraries become links.
if os.environ.get("DOCS_LINK_OTHER_LIBRARIES") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "python": ("https://docs.python.org/3", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }
nitpick_ignore_regex = [
    # Docstrings that scikit-learn's mixins write name pages of its own documentation.
    (".*:?ref", "metadata_routing|df_output_transform|sphx_glr_auto_examples_miscellaneous_plot_set_output.py"),
    (".*:?term", "meta-estimator"),
    ("py:.*", r"sklearn\..*"),
]

copybutton_exclude = ".linenos, .gp, .go"
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skautoseqrec",),
    "reference_url": {"skautoseqrec": None},
    # A folder of examples that are programs to start has no pictures to show.
    "ignore_pattern": r"(^|[/\\])(?!plot_)[^/\\]+\.py$",
    "download_all_examples": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skautoseqrec"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
# Pages without pages below them have nothing to list at their side.
html_sidebars = {
    page: []
    for page in (
        *("index", "getting_started", "install", "how_to", "errors", "benchmarks", "studies"),
        *("inside", "reliability", "design_notes", "whats_new", "contributing"),
    )
}


def unlink_metrics(app, doctree):
    """Turn names such as Recall@10, which docutils takes for addresses of mail, into plain text again."""
    for link in list(doctree.findall(nodes.reference)):
        if link.get("refuri", "").startswith("mailto:"):
            link.replace_self(nodes.Text(link.astext()))


def setup(app):
    """Register what this file adds to Sphinx."""
    app.connect("doctree-read", unlink_metrics)
