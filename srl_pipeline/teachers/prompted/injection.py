"""Text that tries to instruct a language model: in lore and briefs before they are sent, in reasoning that comes back.

A filter, not the defence: whatever an answer says, Model C checks it. Patterns are narrow, so that stories may still
speak of orders, rules and answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from srl_pipeline.contracts import Json

BLOCK, BLOCK_END = "<<<DATA", "<<<END"
"""How `prompt` delimits data; text that holds them tries to leave its block."""


@dataclass(frozen=True)
class _Sign:
    """One kind of attempt.

    Attributes:
        hints: One of these, in lower case, stands in every text that the pattern finds. Looking for them first costs
            a tenth of the patterns, and ordinary prose has few.
        by_line: The pattern speaks of beginnings of lines; other patterns see the text with all white space alike, so
            that an order may run over the end of a line.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    by_line: bool = False


def _sign(name: str, hints: str, *patterns: str, by_line: bool = False) -> _Sign:
    joined = re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)
    return _Sign(name, tuple(hints.split()), joined, by_line)


_THINGS_SENT = (
    r"(?:instructions?|prompts?|guidelines?|directives?|system messages?|(?:rules|orders|commands) (?:above|given))"
)
_MODEL = r"(?:ai|a\.i\.|assistant|chatbot|language model|llm|gpt)"
_SIGNS = (
    _sign(
        "an order to ignore instructions",
        "ignor disregard forget overrid bypass follow 忽略 игнорируй",
        r"\b(?:ignore|disregard|forget|override|bypass|do not follow|stop following)\b(?: \S+){0,5}? "
        rf"{_THINGS_SENT}\b",
        r"\b(?:ignore|disregard|forget) (?:everything|all|anything)(?: (?:that )?(?:was|is|said|written))? "
        r"(?:above|before this|previously)",
        r"\bignorier\w*\b(?: \S+){0,4}? (?:anweisung|instruktion|vorgabe)\w*",
        r"\bignore[rz]?\b(?: \S+){0,4}? (?:instructions|consignes)\b",
        r"\bignor[ae]\b(?: \S+){0,4}? (?:instrucciones|istruzioni|instruções)\b",
        r"忽略.{0,8}(?:指示|指令|说明)",
        r"игнорируй\w*(?: \S+){0,4}? (?:инструкц|указани)\w*",
    ),
    _sign(
        "talk of the prompt itself",
        "prompt message instruction jailbreak",
        r"\b(?:system|developer|hidden|initial) (?:prompt|message|instructions)\b",
        r"\bprompt injection\b",
        r"\bjailbreak\w*",
    ),
    _sign(
        "a new role",
        "you act behave respond pretend mode",
        rf"\byou are (?:now |no longer |actually )?(?:an? |the )?(?:\w+ )?{_MODEL}\b",
        rf"\b(?:act|behave|respond) as (?:an? |the )?(?:\w+ )?(?:{_MODEL}|system|developer|administrator)\b",
        r"\bpretend (?:to be|you are)\b",
        r"\b(?:developer|debug|god|admin|sudo) mode\b",
    ),
    _sign(
        "an order about the answer",
        "only exactly nothing solely verbatim answer reply response output action reasoning",
        r"\b(?:respond|reply|output|return)\b (?:\S+ ){0,2}?(?:only|exactly|nothing but|solely|verbatim)\b",
        r"\b(?:answer|print|write|say) (?:only|nothing but|exactly|solely) (?:with|the following|this)\b",
        r"\byour (?:next |final |only )?(?:answer|reply|response|output) (?:must|should) (?:be|contain|include)\b",
        r"\"(?:action|reasoning)\"\s*:",
    ),
    _sign(
        "an order to give something away",
        "prompt instruction key password credential variable token",
        r"\b(?:reveal|print|repeat|show|leak|output|send|disclose|exfiltrate)\b(?: \S+){0,5}? "
        r"(?:prompt|instructions|api[ _-]?keys?|passwords?|secret keys?|credentials|environment variables?|tokens?)\b",
    ),
    _sign(
        "a token of a chat template",
        "< [inst] [/inst]",
        r"<\|[^|<>\n]{1,40}\|>|<｜[^<>\n]{1,40}｜>|\[/?INST\]|<</?SYS>>|</?s>|</?(?:start|end)_of_turn>",
        r"</?(?:system|assistant|user|human|think|thinking|tool_call|tool_response|function_call|instructions?)>",
    ),
    _sign("a delimiter of the prompt", "<<<", r"<<<\s*(?:data|end)\b"),
    _sign(
        "a role marker",
        "system assistant user human developer ai tool instruction response",
        r"^\W{0,3}(?:system|assistant|user|human|developer|ai|tool)\W{0,2}:",
        r"^ *#{2,4} *(?:system|instructions?|response|assistant|user|human) *:?$",
        by_line=True,
    ),
    _sign("a blob that no reader can read", "\\x", r"(?:\\x[0-9a-f]{2}){8,}"),
)
_HIDDEN = re.compile("[\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{48,}")


@lru_cache(maxsize=256)
def find_injection(text: str) -> str | None:
    """What in ``text`` looks like an instruction to a model, in words; None where nothing does.

    Remembered, for each step of a task quotes the same lore.
    """
    if not text.isascii() and _HIDDEN.search(text):
        return "characters that are not shown"
    plain = unicodedata.normalize("NFKC", text)  # wide or ornate letters are the same letters to a model
    lines = "\n".join(" ".join(line.split()) for line in plain.splitlines())
    words = plain.split()
    flowing, lower = " ".join(words), plain.lower()
    for sign in _SIGNS:
        if any(hint in lower for hint in sign.hints) and sign.pattern.search(lines if sign.by_line else flowing):
            return sign.name
    if any(_is_blob(word) for word in words):
        return "a blob that no reader can read"
    return None


def first_injection(texts: Iterable[str]) -> str | None:
    """The first finding in ``texts``, which are looked at together, so that an order cannot be dealt out over them."""
    return find_injection("\n".join(texts))


def strings_of(value: Json) -> Iterator[str]:
    """The strings in a value; its keys are names that the pack's own files define."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings_of(inner)


def _is_blob(word: str) -> bool:
    """Base64 or hexadecimal: long, without a break, and of more than one kind of character."""
    if len(word) < 48 or not (found := _BLOB.search(word)):
        return False
    kinds = (str.isdigit, str.islower, str.isupper)
    return sum(any(kind(c) for c in found[0]) for kind in kinds) >= 2
