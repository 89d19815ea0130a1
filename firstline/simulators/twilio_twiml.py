"""TwiML documents, parsed. No I/O."""

from dataclasses import dataclass, field
from urllib.parse import urljoin
from xml.etree import ElementTree


class BadTwiml(Exception):
    """Not a TwiML document; the text says why. Twilio's code is 12100."""


@dataclass(frozen=True)
class Verb:
    """One element: a verb, or a noun within a verb."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: tuple["Verb", ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """An attribute's value."""
        return self.attributes.get(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """A true/false attribute."""
        return self.get(name, str(default)).lower() == "true"

    def seconds(self, name: str, default: float) -> float:
        """A number of seconds; raises `BadTwiml` when it is none."""
        try:
            return float(self.get(name, str(default)))
        except ValueError:
            raise BadTwiml(f"{name} of <{self.name}> is not a number") from None

    def child(self, name: str) -> "Verb | None":
        """The first child of that name, if any."""
        return next((child for child in self.children if child.name == name), None)


@dataclass(frozen=True)
class Document:
    """A TwiML document and where it came from."""

    verbs: tuple[Verb, ...] = ()
    url: str = ""
    """Relative URLs in the document start here; empty for TwiML given inline."""

    def absolute(self, url: str) -> str:
        """A URL of this document, made absolute; none stays none."""
        return urljoin(self.url, url) if self.url and url else url


END = Document()
"""Nothing more to do: the call is hung up."""


def parse(text: str, url: str = "") -> Document:
    """Raises `BadTwiml`."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise BadTwiml(f"not XML: {error}") from error
    if root.tag != "Response":
        raise BadTwiml(f"the root element is <{root.tag}>, not <Response>")
    return Document(tuple(_verb(element) for element in root), url)


def _verb(element: ElementTree.Element) -> Verb:
    children = tuple(_verb(child) for child in element)
    return Verb(element.tag, (element.text or "").strip(), dict(element.attrib), children)
