"""Fusion, the closer look after it, and what it says for itself."""

from dataclasses import replace

import pytest

from firstline.domain.confidence import RetrievalEvidence
from firstline.domain.passages import Passage
from firstline.knowledge.fuse import fuse, reciprocal_rank
from firstline.knowledge.rerank import Asking, Order, evidence_of, rerank


def hit(
    n: int, article: str, dense: int | None, text: int | None, similarity: float, words: float, language: str = "en"
) -> Passage:
    return Passage(
        f"kb_{n:012x}",
        article,
        article,
        "",
        "",
        "text",
        language,
        dense_rank=dense,
        similarity=similarity,
        text_rank=text,
        text_score=words,
    )


class TestFusion:
    def test_adds_the_reciprocal_of_sixty_plus_the_rank(self) -> None:
        assert reciprocal_rank(1, 3) == pytest.approx(1 / 61 + 1 / 63)
        assert reciprocal_rank(None, 2) == pytest.approx(1 / 62)
        assert reciprocal_rank(None, None) == 0.0

    def test_puts_first_what_both_searches_found(self) -> None:
        fused = fuse([hit(1, "a", 1, None, 0.9, 0.0), hit(2, "b", 5, 5, 0.5, 0.5), hit(3, "c", None, 1, 0.1, 0.9)])

        assert [passage.article_id for passage in fused] == ["b", "a", "c"]

    def test_orders_equals_by_id(self) -> None:
        fused = fuse([hit(2, "b", 1, None, 0.5, 0.0), hit(1, "a", None, 1, 0.0, 0.5)])

        assert [passage.article_id for passage in fused] == ["a", "b"]


class TestReranking:
    def test_lifts_what_one_search_is_sure_of_over_what_both_ranked_low(self) -> None:
        fused = fuse([hit(1, "sure", 1, None, 0.9, 0.1), hit(2, "meh", 20, 20, 0.3, 0.2)])
        assert fused[0].article_id == "meh"

        assert rerank(fused, Asking({"en"}))[0].article_id == "sure"

    def test_a_model_that_crosses_languages_takes_the_other_one_only_where_it_is_nearly_as_near(self) -> None:
        asking = Asking(None, Order(words=0.0, title=0.0, foreign=0.03, crosses=True), "es")
        own, other, far = (
            hit(1, "own", 1, 1, 0.85, 0.5, "es"),
            hit(2, "en", 2, None, 0.83, 0.0),
            hit(3, "far", 3, 3, 0.8, 0),
        )

        order = rerank([own, other, far], asking)

        assert [passage.article_id for passage in order] == ["en", "own", "far"]
        evidence = evidence_of("¿cómo?", order, asking)
        assert evidence is not None
        assert not evidence.language_known

    def test_lifts_what_is_titled_like_the_question(self) -> None:
        found = fuse([hit(1, "told", 1, 1, 0.6, 0.2), hit(2, "titled", 2, 2, 0.55, 0.2)])
        titled = [replace(p, title_similarity=0.9 if p.article_id == "titled" else 0.3) for p in found]

        assert rerank(titled, Asking({"en"}))[0].article_id == "titled"
        assert rerank(titled, Asking({"es"}))[0].article_id == "told"

    def test_takes_the_passage_for_the_title_where_titles_were_not_embedded(self) -> None:
        assert rerank(fuse([hit(1, "a", 1, 1, 0.6, 0.2)]), Asking(None))[0].relevance == pytest.approx(0.6 + 0.3 + 0.1)

    def test_trusts_words_where_the_model_does_not_know_the_language(self) -> None:
        found = fuse([hit(1, "near", 1, 2, 0.8, 0.2, "es"), hit(2, "said", 2, 1, 0.6, 0.5, "es")])

        assert rerank(found, Asking({"en"}))[0].article_id == "said"
        assert rerank(found, Asking({"en", "es"}))[0].article_id == "near"
        assert rerank(found, Asking(None))[0].article_id == "near"

    def test_lets_no_article_fill_the_answer(self) -> None:
        found = fuse(
            [hit(n, "long", n, n, 0.9 - n / 100, 0.5) for n in range(1, 6)] + [hit(9, "other", 9, 9, 0.4, 0.1)]
        )

        assert [passage.article_id for passage in rerank(found, Asking(None))][:3] == ["long", "long", "other"]


class TestEvidence:
    def test_of_nothing_is_none(self) -> None:
        assert evidence_of("", [], Asking(None)) is None

    def test_is_that_of_the_first_passage_against_the_other_articles(self) -> None:
        passages = [hit(1, "a", 1, 2, 0.8, 0.6), hit(2, "a", 2, 1, 0.75, 0.5), hit(3, "b", 3, 9, 0.5, 0.1)]

        evidence = evidence_of("how do I add seats", passages, Asking({"en"}))

        assert evidence is not None
        assert evidence.margin == pytest.approx(0.3)
        assert evidence == RetrievalEvidence(
            0.8,
            evidence.margin,
            agreement=True,
            words=0.6,
            language_known=True,
            words_anywhere=0.6,
            length=5,
            title=0.8,
            relevance=evidence.relevance,
        )

    def test_says_when_the_model_does_not_know_the_language(self) -> None:
        evidence = evidence_of("seats", [replace(hit(1, "a", 1, 1, 0.8, 0.6), language="es")], Asking({"en"}))

        assert evidence is not None
        assert not evidence.language_known

    def test_has_no_agreement_when_only_one_search_found_the_article(self) -> None:
        evidence = evidence_of("seats", [hit(1, "a", 1, None, 0.8, 0.0)], Asking(None))

        assert evidence is not None
        assert not evidence.agreement
