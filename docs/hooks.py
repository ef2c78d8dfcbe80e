"""Hooks of mkdocs: pages get what is generated, and files beside the code are part of the site."""

import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from generate import ROOT, fill

# Files outside docs/ that are part of the site, and where.
INCLUDED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/RESULTS.md": "results/measured.md",
    "examples/serving/README.md": "guides/server.md",
    "project.yml": "project.yml",
    "LICENSE": "LICENSE.txt",
    **{f"configs/{path.name}": f"configs/{path.name}" for path in sorted((ROOT / "configs").glob("*.cfg"))},
}


def point_within(markdown: str, source: str, page: str) -> str:
    """A page whose links to files of the repository lead to their places in the site.

    markdown (str): The page's text.
    source (str): The page's file in the repository.
    page (str): The page in the site.
    RETURNS (str): The text with other links.
    """

    def point(found: re.Match[str]) -> str:
        target = os.path.normpath(os.path.join(os.path.dirname(source), found[1]))
        place = INCLUDED.get(target, target.removeprefix("docs/"))
        return f"]({os.path.relpath(place, os.path.dirname(page))}{found[2] or ''})"

    return re.sub(r"\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)", point, markdown)


def on_files(files: Any, config: Any) -> None:
    """Let mkdocs add the files beside the code.

    files (Files): The site's files, which get them too.
    config (MkDocsConfig): The site's config.
    """
    from mkdocs.structure.files import File

    for source, page in INCLUDED.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Let mkdocs fill a page, and lead its links.

    markdown (str): The page's text.
    page (Page): The page.
    config (MkDocsConfig): The site's config.
    files (Files): The site's files.
    RETURNS (str): The text that mkdocs renders.
    """
    sources = {place: source for source, place in INCLUDED.items()}
    uri = page.file.src_uri
    return point_within(fill(markdown), sources.get(uri, f"docs/{uri}"), uri)
