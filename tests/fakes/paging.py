"""Paging in memory."""

from firstline.ports import Page, Rejected


class FakePaging:
    """`ports.Paging`: the open incidents by dedup key, and every page that was sent."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.open: dict[str, Page] = {}

    async def trigger(self, page: Page) -> None:
        if len(page.dedup_key) > 255:
            raise Rejected("dedup_key is longer than 255 characters")
        if not page.summary:
            raise Rejected("summary is blank")
        self.pages.append(page)
        self.open.setdefault(page.dedup_key, page)

    async def resolve(self, dedup_key: str) -> None:
        self.open.pop(dedup_key, None)
