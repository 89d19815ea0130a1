"""The cross-encoder's real loading and batching, with a small model made on the spot."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from firstline.domain.passages import Passage
from firstline.knowledge.cross_encoder import DEPTH, CrossEncoderReranker, read_again
from firstline.knowledge.errors import CorpusError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "seats", "hours", "add", "export"]


def make_model(folder: Path, labels: int = 1) -> str:
    """A BERT of one layer and a tokenizer of eight words; random weights, always the same."""
    torch.manual_seed(3)
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_model(tmp_path_factory.mktemp("reranker"))


def passage(number: int, text: str) -> Passage:
    return Passage(f"kb_{number:012x}", f"a{number}", "Title", "", "", text, "en")


class TestACrossEncoder:
    async def test_scores_a_text_the_same_alone_and_among_others(self, model: str) -> None:
        reranker = CrossEncoderReranker.load(model)
        texts = ["seats", "export hours " * 300, "add seats"] + ["hours"] * 20

        together = await reranker.scores("add seats", texts)
        alone = [(await reranker.scores("add seats", [text]))[0] for text in texts[:3]]
        reranker.close()

        assert len(together) == len(texts)
        assert together[:3] == pytest.approx(alone, abs=1e-4)
        assert len(set(together[:3])) == 3

    def test_that_is_none_is_one_clear_line(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="cannot be loaded") as told:
            CrossEncoderReranker.load(str(tmp_path))

        assert "\n" not in str(told.value)

    def test_with_three_labels_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="3 labels"):
            CrossEncoderReranker.load(make_model(tmp_path, labels=3))


class ByLength:
    """The longest text answers best."""

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        return [float(len(text)) for text in texts]


class TestReadingAgain:
    async def test_orders_the_first_twelve_and_leaves_the_others(self) -> None:
        passages = [passage(n, "x" * n) for n in range(DEPTH + 2)]

        read = await read_again(ByLength(), "question", passages)

        assert [p.article_id for p in read[:2]] == ["a11", "a10"]
        assert read[DEPTH:] == passages[DEPTH:]
        assert read[0].relevance > read[1].relevance

    async def test_of_nothing_is_nothing(self) -> None:
        assert await read_again(ByLength(), "question", []) == []
