"""The courtesies of the keyless answerer: all that it says which no tool returned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Courtesies:
    """One language's."""

    prompt: str
    """After a greeting, or when nothing was asked."""
    not_heard: str
    ask_time: str
    """When shall we call back?"""
    goodbye: str
    welcome: str
    """After thanks."""
    go_on: str
    """After steps that are not all."""
    nothing_more: str
    """When asked to go on and all was said."""
    no_answer: str
    """Nothing fitting was found, and no person can be called."""
    trouble: str
    """A tool broke down."""
    unable: str
    """No tool of the session could help."""
    then: str
    """Said for the `>` of `Settings > Billing`."""
    topic: str
    """What a callback is about when the caller named nothing."""


COURTESIES = {
    "en": Courtesies(
        prompt="How can I help you?",
        not_heard="Sorry, I did not catch that. Could you say it again?",
        ask_time="Certainly. When shall we call you back?",
        goodbye="Thank you for calling. Goodbye!",
        welcome="You are welcome. Is there anything else?",
        go_on="Shall I go on?",
        nothing_more="That is all I have on this. Is there anything else?",
        no_answer="I am sorry, I could not find an answer to that.",
        trouble="I am sorry, something went wrong. Could you ask me again?",
        unable="I am sorry, I cannot help with that.",
        then="then",
        topic="the call",
    ),
    "es": Courtesies(
        prompt="¿En qué puedo ayudarle?",
        not_heard="Perdone, no le he entendido. ¿Puede repetirlo?",
        ask_time="Por supuesto. ¿Cuándo quiere que le llamemos?",
        goodbye="Gracias por llamar. ¡Hasta luego!",
        welcome="De nada. ¿Necesita algo más?",
        go_on="¿Quiere que siga?",
        nothing_more="Eso es todo lo que tengo sobre este tema. ¿Necesita algo más?",
        no_answer="Lo siento, no he encontrado una respuesta a eso.",
        trouble="Lo siento, algo ha fallado. ¿Puede repetir la pregunta?",
        unable="Lo siento, no puedo ayudarle con eso.",
        then="después",
        topic="la llamada",
    ),
}


def courtesies(language: str) -> Courtesies:
    """Those of a language; the English ones where we have none."""
    return COURTESIES.get(language, COURTESIES["en"])
