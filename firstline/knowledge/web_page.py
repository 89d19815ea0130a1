"""An HTML page as the Markdown of its article, without what surrounds an article on a site."""

import re
import warnings

from bs4 import BeautifulSoup, ParserRejectedMarkup, XMLParsedAsHTMLWarning
from markdownify import MarkdownConverter

from firstline.knowledge.articles import Unusable

_SURROUNDINGS = ["script", "style", "noscript", "template", "nav", "header", "footer", "aside", "form", "svg", "iframe"]

_UNSEEN = ", ".join(
    ["[hidden]", "[aria-hidden=true]"]
    + [f'[style*="{style}" i]' for style in ("display:none", "display: none", "visibility:hidden", "font-size:0")]
)
"""Not shown to a reader: a place to hide instructions to a model in."""


def read_web_page(html: str) -> tuple[dict[str, object], str]:
    """The page's fields (`id`, `title`, `url`, `lang`; those it states) and its body as Markdown.

    `id` comes from `<meta name="id">`, `url` from the canonical link, `lang` from `<html lang>`. Broken tags
    are read as a browser does; raises `Unusable` where nothing can be made of them.
    """
    try:
        return _read(html)
    except ParserRejectedMarkup as error:
        raise Unusable("the page is not HTML: it holds a declaration that never ends") from error
    except RecursionError as error:
        raise Unusable("the page's tags are nested too deeply") from error


def _read(html: str) -> tuple[dict[str, object], str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is a web page too
        page = BeautifulSoup(html, "html.parser")
    fields = _fields(page)
    article = page.find("article") or page.find("main") or page.body or page
    for tag in article.find_all(_SURROUNDINGS):
        tag.decompose()
    for tag in article.select(_UNSEEN):
        tag.decompose()
    markdown = MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(article)
    return fields, re.sub(r"\n{3,}", "\n\n", markdown).strip()


def _fields(page: BeautifulSoup) -> dict[str, object]:
    named = page.find("h1") or page.find("title")
    identity, link = page.find("meta", attrs={"name": "id"}), page.find("link", attrs={"rel": "canonical"})
    html = page.find("html")
    return {
        "id": identity.get("content") if identity else None,
        "title": named.get_text(" ", strip=True) if named else None,
        "url": link.get("href") if link else None,
        "lang": html.get("lang") if html else None,
    }
