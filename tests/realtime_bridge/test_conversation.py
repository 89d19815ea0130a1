"""What a new model is told of the tools."""

import pytest

from firstline.domain.resume import TOOLS_REPLAYED, PlacedTool
from firstline.domain.turn import ToolUse, Turn
from realtime_bridge.protocol.conversation import Conversation


def use(number: int) -> ToolUse:
    return ToolUse("lookup_article", '{"query": "¿cómo?"}', f'{{"passages": ["número {number}"]}}', 12.5)


class TestTheLastTools:
    @pytest.mark.parametrize("turns", [1, 2, 3, 4])
    def test_are_told_word_for_word_in_order_and_in_their_place(self, turns: int) -> None:
        conversation = Conversation()

        for number in range(turns):
            conversation.add(Turn(number, "How?", "So.", tools=[use(number)]))

        expected = [PlacedTool(2 * number + 1, use(number)) for number in range(turns)]
        assert conversation.tools == expected[-TOOLS_REPLAYED:]

    def test_are_the_last_ones_of_a_turn_that_ran_many(self) -> None:
        conversation = Conversation()

        conversation.add(Turn(1, "How?", "So.", tools=[use(0)]))
        conversation.add(Turn(2, "And?", "So.", tools=[use(number) for number in range(1, 7)]))

        assert [tool.use for tool in conversation.tools] == [use(number) for number in (5, 6)]
