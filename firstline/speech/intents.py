"""What a caller wants, read from their words by patterns that a support lead can read and extend (English, Spanish)."""

import re
from enum import Enum, auto

from firstline.domain.refusal import normalise


class Intent(Enum):
    """What a turn is, apart from a question."""

    NOTHING = auto()
    """Nothing was said, or nothing but a greeting or a hesitation."""
    CALLBACK = auto()
    NO_CALLBACK = auto()
    """They do not want to be rung any more."""
    GOODBYE = auto()
    THANKS = auto()
    GO_ON = auto()
    REPEAT = auto()
    QUESTION = auto()


def _whole(*alternatives: str) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(alternatives) + ")(?: please| por favor)?")


_GREETING = re.compile(
    r"(?:(?:um|uh|hello|hi|hey|there|again|good (?:morning|afternoon|evening)|can you hear me|are you there"
    r"|hola|buenos dias|buenas(?: tardes| noches)?|me oye)(?: |$))+"
    # What Whisper writes down for a breath.
    r"|you"
)
_THANKS = _whole(
    r"(?:ok |okay |great |perfect |alright |vale )*(?:thanks|thank you|gracias|muchas gracias)"
    r"(?: very much| so much| a lot| again| for your help| that helps| that was helpful)*",
    r"(?:ok|okay|great|perfect|alright|got it|vale|perfecto|entendido)",
)
_GOODBYE = re.compile(
    r"\b(?:good ?bye|bye(?: bye)?|have a (?:good|nice|great) (?:day|one|evening)|adios|hasta luego|chao)\b"
    r"|\b(?:that'?s (?:all|it|everything)|that (?:is|was|will be) (?:all|it|everything)|nothing else)\b"
    r"|\b(?:eso es todo|nada mas)\b"
    r"|^(?:no|no thanks|no thank you|no gracias)$"
)
_GO_ON = _whole(
    r"(?:yes |yeah |ok |okay |sure |si )*(?:go on|go ahead|continue|carry on|keep going|what(?:'s| is) next|and then"
    r"|what then|next(?: step)?|the rest|siga|sigue|continue|continua|adelante|y luego)",
    r"yes|yeah|yep|yes please|sure|si|claro",
)
_REPEAT = re.compile(
    r"^(?:sorry |pardon |what |excuse me |perdon )*(?:can|could|would|will)? ?(?:you )?(?:please )?"
    r"(?:repeat|say) (?:that|it|this|again|eso)\b"
    r"|^(?:pardon|come again|what did you say|sorry what)(?: me)?$|\b(?:puede|puedes) repetir\b|^repita\b"
)
_CALLBACK = re.compile(
    r"\b(?:call|ring|phone) (?:me|us) (?:back|again|later|tomorrow|in|at|on|next|this|after|when)\b"
    r"|\b(?:call|ring|phone) (?:me|us)$"
    r"|\b(?:a|the|my) ?call ?back\b|\b(?:schedule|book|arrange|request|get|want|need|have) (?:a )?call ?back\b"
    r"|\bcan (?:you|someone|somebody) (?:call|ring|phone) (?:me|us)\b"
    r"|\b(?:llamenme|llameme|llamarme|llamame|me (?:llamen|llame|llaman|llama|pueden llamar|puede llamar)"
    r"|devuelv\w+ la llamada|devolver(?:me)? la llamada)\b"
)
_PROMISED_CALL = r"(?:call ?backs?|calls? back|(?:phone )?call)"
_NO_CALLBACK = re.compile(
    r"\b(?:cancel|drop|forget|call off|remove|scrap|delete)\b.{0,12}\b(?:my|the|that|this|our|your)\b"
    rf".{{0,12}}\b{_PROMISED_CALL}\b"
    r"|\bcancel call ?backs?\b"
    r"|\b(?:don'?t|do not|never|stop|no need to|(?:don'?t|do not) (?:have|need) to|no longer need to)"
    r" (?:ever )?(?:call(?:ing)?|ring(?:ing)?|phon(?:e|ing)) (?:me|us)\b"
    r"|\b(?:don'?t|do not|no longer) (?:want|need)\b"
    r".{0,15}\b(?:call ?backs?|(?:be|to be|being) (?:called|rung|phoned))\b"
    r"|\bno (?:more )?call ?backs?\b"
    r"|\b(?:cancel\w*|anul\w*|olvid\w*)\b.{0,12}\b(?:la|mi|esa|esta|su|nuestra)\b.{0,12}\b(?:llamada|devolucion)\b"
    r"|\b(?:ya )?no (?:me|nos) (?:vuelvan? a )?llam\w+"
    r"|\bno (?:hace falta|es necesario|quiero|necesito|queremos)\b.{0,12}\b(?:me|nos) llam\w+"
    r"|\bno (?:hace falta|es necesario|tienen? que|quiero)\b.{0,12}\b(?:llamar(?:me|nos)|la llamada)\b"
)
_HELP_WORDS = re.compile(r"\b(?:how (?:do|can|to)|where|why|what is|settings?|feature|set up)\b")

_NUMBER = (
    r"(?:\d{1,2}(?::\d\d)?|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty"
    r"(?: ?-?five)?|fifty|half an?|a couple of|a few|una?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce"
    r"|quince|veinte|treinta|media)"
)
_UNIT = r"(?:seconds?|minutes?|mins?|hours?(?: and a half)?|days?|weeks?|minutos?|horas?(?: y media)?|dias?|semanas?)"
_DAY = (
    r"(?:today|tomorrow|tonight|(?:next |this |on )*(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
    r"|(?:next|this) (?:week|morning|afternoon|evening)|hoy|pasado manana|manana(?! por)"
    r"|(?:el |este |proximo )*(?:lunes|martes|miercoles|jueves|viernes|sabado|domingo))"
)
_PART = r"(?:(?:in the |this )?(?:morning|afternoon|evening)|(?:por|de|en) la (?:manana|tarde|noche)|noon|mediodia)"
_CLOCK = (
    rf"(?:(?:at|around|about|by|after|a las?|sobre las?) )?{_NUMBER}"
    r"(?::\d\d| ?\d\d| thirty| fifteen| y media| y cuarto)?(?: ?(?:o'?clock|[ap]\.?m\.?|[ap] m|en punto))?"
)
_AT_CLOCK = rf"(?:at|around|about|by|after|a las?|sobre las?) {_CLOCK}"
_TIME = re.compile(
    rf"\b(?:(?:in|en|dentro de) {_NUMBER} {_UNIT}"
    rf"|{_DAY}(?:,? {_PART})?(?:,? {_AT_CLOCK})?(?:,? {_PART})?"
    rf"|{_AT_CLOCK}(?:,? {_PART})?(?:,? (?:on )?{_DAY})?"
    rf"|{_NUMBER} ?(?:o'?clock|[ap]\.m\.?|[ap]m)(?:,? {_DAY})?"
    rf"|{_PART})",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\b(?:about|regarding|concerning|because of|sobre|acerca de|por)\s+(?!las?\b|\d)(.{3,})", re.I)


def intent(text: str) -> Intent:
    """What the words are; a question when they are nothing else."""
    words = normalise(text)
    if not words or _GREETING.fullmatch(words):
        return Intent.NOTHING
    if _NO_CALLBACK.search(words) and not _HELP_WORDS.search(words):
        return Intent.NO_CALLBACK
    if _CALLBACK.search(words) and not _HELP_WORDS.search(words):
        return Intent.CALLBACK
    if _REPEAT.search(words):
        return Intent.REPEAT
    if len(words.split()) <= 12 and _GOODBYE.search(words) and not _HELP_WORDS.search(words):
        return Intent.GOODBYE
    if _THANKS.fullmatch(words):
        return Intent.THANKS
    return Intent.GO_ON if _GO_ON.fullmatch(words) else Intent.QUESTION


def wants_another_time(text: str) -> bool:
    """Whether who does not want to be rung wants it at another time: "don't call me today, call me on Friday"."""
    return _CALLBACK.search(_NO_CALLBACK.sub(" ", normalise(text))) is not None


def time_words(text: str) -> str | None:
    """The caller's own words for a time, e.g. `tomorrow at nine`; None when they named none."""
    plain = text.replace("’", "'")
    for accented, bare in zip("áéíóúñ", "aeioun", strict=True):
        plain = plain.replace(accented, bare)
    found = _TIME.search(plain)
    if not found:
        return None
    # Accents are taken out letter by letter, so the place is the same in the caller's own words.
    return text[found.start() : found.end()].strip(" ,.!?")


def topic_words(text: str) -> str | None:
    """What follows "about" in the caller's words; None when nothing does."""
    found = _ABOUT.search(text)
    if not found:
        return None
    topic = _TIME.sub("", found[1])
    return " ".join(topic.strip(" ,.!?").split()) or None
