"""Where the templates are, and the environments of what is rendered outside of a page."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from digest import marked, prose


def template_folder() -> Path:
    """Return the templates' folder: inside the installed package, or the checkout's own."""
    package = Path(__file__).parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


@cache
def email_environment() -> Environment:
    """Return the environment for `templates/email`."""
    return _environment("email")


@cache
def proof_environment() -> Environment:
    """Return the environment for `templates/proof`: pages that stand by themselves."""
    return _environment("proof")


def _environment(folder: str) -> Environment:
    """Make one for HTML beside plain text; a name that is not given is an error."""
    environment = Environment(
        loader=FileSystemLoader(template_folder() / folder),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["all_of"] = prose.all_of
    environment.filters["curly"] = prose.curly
    environment.filters["marked"] = marked.marked
    environment.filters["marked_links"] = marked.marked_links
    environment.filters["marked_words"] = marked.marked_words
    environment.filters["in_words"] = prose.number_in_words
    environment.filters["justified"] = prose.justified
    environment.filters["wrapped"] = prose.wrapped
    return environment
