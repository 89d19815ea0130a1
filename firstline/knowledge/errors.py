"""What the knowledge base tells a person who gave it something it cannot use."""

from firstline.ports import Rejected


class CorpusError(Rejected):
    """The corpus, the collection or the embedding model cannot be used as asked: one line, with the fix."""
