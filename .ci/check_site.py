"""Check a built site: an anchor for every public method, and no link inside it that leads nowhere.

Usage: ``python .ci/check_site.py docs/_build/html``.
"""

import importlib
import inspect
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

MODULES = [
    "skautoseqrec",
    *(
        f"skautoseqrec.{name}"
        for name in ["preprocessing", "metrics", "model_selection", "datasets", "baselines", "reranking", "inspection"]
    ),
]


class Page(HTMLParser):
    """The anchors of a page, and where its links lead."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what a tag is called and what it points to."""
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.links |= {attributes[key] for key in ("href", "src") if attributes.get(key)}


def public_names():
    """Yield the full name of whatever is public: names of modules, and methods of their classes."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if name.startswith("__"):
                continue
            yield f"{module_name}.{name}"
            if inspect.isclass(value) and not issubclass(value, Exception):
                yield from (f"{module_name}.{name}.{method}" for method in methods_of(value))


def methods_of(kind):
    """Return the public methods and properties of a class."""
    return [
        name
        for name in dir(kind)
        if not name.startswith("_") and (callable(getattr(kind, name)) or isinstance(getattr(kind, name), property))
    ]


def missing_anchors(pages):
    """Yield the public names to which no anchor of the site belongs."""
    anchors = set().union(*(page.anchors for page in pages.values()))
    yield from (name for name in public_names() if name not in anchors)


def dead_links(site, pages):
    """Yield the page and the target of each link that leads nowhere in the site, or to an address that is a metric."""
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme == "mailto":  # Recall@10, say
                yield path.relative_to(site), link
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                yield path.relative_to(site), link


def main(folder):
    """Print what is wrong with the site in a folder, and return the exit code."""
    site = Path(folder).resolve()
    paths = [path for path in site.rglob("*.html") if path.relative_to(site).parts[0] != "_static"]
    pages = {path: Page(path) for path in paths}
    faults = [f"{name} has no anchor" for name in missing_anchors(pages)]
    faults += [f"{page}: {link} leads nowhere" for page, link in dead_links(site, pages)]
    for fault in faults:
        print(fault)
    n_names, n_links = len(list(public_names())), sum(len(page.links) for page in pages.values())
    print(f"{len(pages)} pages, {n_names} public names, {n_links} links, {len(faults)} faults")
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
