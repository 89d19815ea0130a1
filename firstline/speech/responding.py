"""The responses of a session: one at a time in the conversation, any number beside it."""

from collections.abc import Callable
from typing import Any

from firstline.speech.answer import (
    Begun,
    Call,
    CallArguments,
    CallBegun,
    CallEnded,
    CutShort,
    Function,
    Part,
    Request,
    Say,
    Spent,
)
from firstline.speech.audio import AudioFormat
from firstline.speech.commands import Answer, Speak, SpeakNoMore, SpeakOn, Stop
from firstline.speech.config import Refused, ResponseParams, SessionConfig, validated
from firstline.speech.conversation import Conversation, Item
from firstline.speech.outbox import Outbox
from firstline.speech.respond import Response, ResponseSettings
from firstline.speech.usage import Tokens, text_tokens


class Responding:
    """Creates, feeds and ends responses. Results for a response that has ended are dropped."""

    def __init__(self, out: Outbox, conversation: Conversation, config: Callable[[], SessionConfig]) -> None:
        self._out = out
        self._conversation = conversation
        self._config = config
        self._running: dict[str, Response] = {}
        self._requests: dict[str, ResponseParams] = {}
        self._active: Response | None = None
        self._read_before = Tokens()
        self.has_spoken = False
        self.ended: Callable[[Response], None] = lambda _: None
        """Called after each `response.done` of the conversation."""

    @property
    def active(self) -> Response | None:
        """The response of the conversation under way; None when there is none."""
        return self._active

    def create(self, raw: Any = None) -> None:
        """`response.create`, or a turn's end. Raises `Refused`."""
        params = validated(ResponseParams, raw or {}, "response")
        out_of_band = params.conversation == "none"
        if self._active and not out_of_band:
            message = f"response {self._active.id} is under way; wait for its response.done or cancel it"
            raise Refused("conversation_already_has_active_response", message)
        if params.input is not None:
            self._given(params.input)  # wrong input is refused before anything is announced
        response = Response(self._out, self._settings(params), None if out_of_band else self._conversation)
        self._running[response.id], self._requests[response.id] = response, params
        if not out_of_band:
            self._active = response
        response.begin()
        self.start_waiting()

    def start_waiting(self) -> None:
        """Ask for the answers that no transcript is missing for any more."""
        if any(item.awaited for item in self._conversation):
            return
        for response_id in list(self._requests):
            params, response = self._requests.pop(response_id), self._running[response_id]
            request, response.read = self._request(params)
            self._count_cached(response)
            settings = response.settings
            self._out.do(Answer(response_id, request, settings.form if settings.modality == "audio" else None))

    def answered(self, response_id: str, part: Part) -> None:
        """The answerer's next part."""
        response = self._running.get(response_id)
        if response is None:
            return
        match part:
            case Begun():
                pass
            case Spent():
                response.spent = part
            case CutShort(reason):
                response.ending = ("incomplete", {"reason": reason})
            case _:
                response.parts.append(part)
                self._go_on(response)

    def answer_ended(self, response_id: str) -> None:
        """The answerer has no more parts."""
        response = self._running.get(response_id)
        if response:
            response.answer_complete = True
            self._go_on(response)

    def spoke(self, response_id: str, text: str, data: bytes) -> None:
        """The voice's next piece: words, and their sound in the response's format."""
        response = self._running.get(response_id)
        if not response:
            return
        self.has_spoken = True
        response.spoke(text, data)
        if response.over_limit:
            self._out.do(Stop(response_id))
            self._finish(response, "incomplete", {"reason": "max_output_tokens"})

    def speech_ended(self, response_id: str) -> None:
        """The voice has said all that it was given."""
        response = self._running.get(response_id)
        if response:
            response.speaking, response.takes_more = "", False
            self._go_on(response)

    def answer_failed(self, response_id: str, code: str) -> None:
        """The answerer broke down: what it had said until then is spoken, then the response fails."""
        response = self._running.get(response_id)
        if response:
            response.ending = _failure(code)
            response.answer_complete = True
            self._go_on(response)

    def failed(self, response_id: str, code: str) -> None:
        """The voice broke down."""
        response = self._running.get(response_id)
        if response:
            self._out.do(Stop(response_id))
            self._finish(response, *_failure(code))

    def cancel(self, response_id: Any = None) -> None:
        """`response.cancel`; None means the active one. Raises `Refused`."""
        response = self._running.get(response_id) if response_id is not None else self._active
        if response is None:
            raise Refused("response_cancel_not_active", "there is no such response under way", "response_id")
        self._cut(response, "client_cancelled")

    def interrupt(self) -> None:
        """The caller spoke: the active response, if there is one, ends."""
        if self._active:
            self._cut(self._active, "turn_detected")

    def stop_item(self, item: Item) -> None:
        """No more is added to an item: the client truncates it."""
        if self._active and item in self._active.output and item.wire["status"] == "in_progress":
            self._cut(self._active, "client_cancelled")

    # --- inside -----------------------------------------------------------------------------------------------------

    def _go_on(self, response: Response) -> None:
        """Begin the parts that can begin; finish when the last has ended."""
        while response.parts and self._begin(response, response.parts[0]):
            response.parts.popleft()
        if response.takes_more and (response.parts or response.answer_complete):
            response.takes_more = False
            self._out.do(SpeakNoMore(response.id))
        if response.answer_complete and not response.speaking and not response.parts:
            self._finish(response, *response.ending)

    def _begin(self, response: Response, part: Part) -> bool:
        """Begin a part; False when it must wait until the voice has said what it was given."""
        match part:
            case Say(text=text) if response.settings.modality == "text":
                response.wrote(text)
            case Say(text=text, language=language) if not response.speaking:
                response.speaking, response.takes_more = language, True
                settings = response.settings
                self._out.do(Speak(response.id, text, language, settings.form, settings.speed))
            case Say(text=text, language=language) if response.takes_more and response.speaking == language:
                self._out.do(SpeakOn(response.id, text))
            case _ if response.speaking:
                return False
            case Call():
                response.call(part)
            case CallBegun():
                response.call_begun(part)
            case CallArguments(delta):
                response.call_arguments(delta)
            case CallEnded():
                response.call_ended()
        return True

    def _cut(self, response: Response, reason: str) -> None:
        self._out.do(Stop(response.id))
        self._finish(response, "cancelled", {"reason": reason})

    def _finish(self, response: Response, status: str, details: dict[str, Any] | None = None) -> None:
        del self._running[response.id]
        self._requests.pop(response.id, None)
        if self._active is response:
            self._active = None
        response.finish(status, details)
        if not response.out_of_band:
            self.ended(response)

    def _settings(self, params: ResponseParams) -> ResponseSettings:
        config = self._config()
        output = params.audio.output
        return ResponseSettings(
            modality=(params.output_modalities or config.output_modalities)[0],
            form=AudioFormat(output.format.type) if output.format else config.output_format,
            voice=output.voice or config.audio.output.voice,
            speed=config.audio.output.speed,
            max_output_tokens=params.max_output_tokens or config.max_output_tokens,
            metadata=params.metadata,
        )

    def _request(self, params: ResponseParams) -> tuple[Request, Tokens]:
        """What the answerer reads, and what reading it costs."""
        config = self._config()
        instructions = config.instructions if params.instructions is None else params.instructions
        items = list(self._conversation) if params.input is None else self._given(params.input)
        tools = config.tools if params.tools is None else params.tools
        choice = _choice(params.tool_choice or config.tool_choice)
        limit = params.max_output_tokens or config.max_output_tokens
        schemas = "".join(tool.model_dump_json() for tool in tools)
        read = sum((item.tokens for item in items), Tokens(text_tokens(instructions + schemas)))
        request = Request(
            entries=[item.entry for item in items if _whole(item)],
            instructions=instructions,
            tools=_allowed({tool.name for tool in tools}, choice),
            functions=tuple(Function(tool.name, tool.description or "", tool.parameters or {}) for tool in tools),
            choice=choice,
            parallel=config.parallel_tool_calls if params.parallel_tool_calls is None else params.parallel_tool_calls,
            max_output_tokens=limit if isinstance(limit, int) else None,
        )
        return request, read

    def _given(self, raw: list[dict[str, Any]]) -> list[Item]:
        """The items of `response.input`; a reference stands for the item of the conversation."""
        return [
            self._conversation.find(each.get("id"))
            if each.get("type") == "item_reference"
            else self._conversation.from_client(each)
            for each in raw
        ]

    def _count_cached(self, response: Response) -> None:
        if response.out_of_band:
            return
        before, read = self._read_before, response.read
        response.cached = Tokens(min(before.text, read.text), min(before.audio, read.audio))
        self._read_before = read


def _whole(item: Item) -> bool:
    """Not under way, and no fragment of a tool call that was cut short."""
    status = item.wire.get("status")
    return status != "in_progress" and not (status == "incomplete" and item.wire["type"] == "function_call")


def _choice(choice: str | dict[str, Any]) -> str:
    """`tool_choice` as one word: `auto`, `none`, `required`, or a function's name."""
    return choice if isinstance(choice, str) else str(choice.get("name", ""))


def _allowed(names: set[str], choice: str) -> frozenset[str]:
    """The tools that `tool_choice` leaves."""
    return frozenset(names if choice in ("auto", "required") else names & {choice})


def _failure(code: str) -> tuple[str, dict[str, Any]]:
    """How a response fails; quota and rate limits name themselves, as OpenAI's do."""
    kind = code if code in ("rate_limit_exceeded", "insufficient_quota") else "server_error"
    return "failed", {"error": {"type": kind, "code": code}}
