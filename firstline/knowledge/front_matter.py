"""The front matter of a Markdown file: YAML between two lines of dashes, every value taken as it is written."""

import re
from collections.abc import Mapping
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from firstline.knowledge.articles import Unusable

_NEVER_CLOSED = re.compile(
    r"-{3,}[ \t]*\r?\n[A-Za-z_][\w -]*:(?:[ \t]|\r?\n)(?!.*^-{3,}[ \t]*\r?$)", re.DOTALL | re.MULTILINE
)
_TOML = re.compile(r"\+{3}[ \t]*\r?\n.*?^\+{3}[ \t]*\r?$", re.DOTALL | re.MULTILINE)


class _AsWritten(YAMLHandler):
    def load(self, fm: str, **_: object) -> Any:
        # YAML's own types would make "True" of the title Yes, a language code a boolean, and an error of 2024-02-30.
        return yaml.load(fm, Loader=yaml.BaseLoader)


def read_front_matter(text: str) -> tuple[Mapping[str, object], str]:
    """The fields and the body of a Markdown file; no fields where it has no front matter. Raises `Unusable`."""
    text = text.strip()
    if _NEVER_CLOSED.match(text):
        raise Unusable("the front matter is never closed: put a line of --- behind it")
    if _TOML.match(text):
        raise Unusable("the front matter is TOML: write it in YAML, between lines of ---")
    handler = _AsWritten()
    if not handler.detect(text):
        return {}, text
    try:
        fields, body = frontmatter.parse(text, handler=handler)
    except yaml.YAMLError as error:
        raise Unusable(f"the front matter is not valid YAML: {_where(error)}") from error
    except RecursionError as error:
        raise Unusable("the front matter is not valid YAML: it is nested too deeply") from error
    # A text that begins with a rule has lost its first part here if that was no mapping.
    return fields, body if fields else text


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())
