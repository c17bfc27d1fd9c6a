"""Whether an answer is in the language of its pack: by script, and by the little words that every sentence needs.

No model and no word list of the pack's own: what the pack's prose says is never foreign to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from srl_pipeline.model_types import Pack

FOREIGN_SHARE = 0.1
"""Share of letters outside the pack's scripts that is still a name or a loan word."""
USED_SHARE = 0.005
"""Share of the prose's letters from which on a script is the pack's own."""
FOREIGN_WORDS = 3
"""Little words of another language from which on a text is in that language, if it has fewer of the pack's own."""
KNOWN_SHARE = 0.1
"""Share of little words in the pack's prose below which its language is none of those listed."""

_WORD = re.compile(r"[^\W\d_]+")
_LITTLE = {
    "en": "the of and to in is it that for on with as are at by be this or from an not but which has have its was will",
    "de": "der die das und ist nicht ein eine einen einem einer mit von den dem des zu im auf für sich auch wird sind "
    "aus bei nach wie oder aber weil dass nur noch hat haben kann muss",
    "fr": "le la les des une est et dans pour que qui sur avec pas du au aux par ce cette sont il elle plus mais ou "
    "comme donc être doit nous vous leur ses son",
    "es": "el la los las una es y en para que por con no del al se su como más pero este esta son ser porque sin sobre "
    "debe hay también",
    "it": "il lo la gli le una è e di che per con non del della nel nella si sono più ma come questo questa deve anche "
    "dei delle perché",
    "pt": "o a os as uma é e em para que por com não do da dos das se mais mas como este esta são ser deve também na",
    "nl": "de het een en van is niet met voor op te zijn dat die aan door ook maar als bij naar wordt uit moet om deze",
}
LITTLE_WORDS = {language: frozenset(words.split()) for language, words in _LITTLE.items()}


@dataclass(frozen=True)
class Language:
    """What a pack's prose is written in.

    Attributes:
        scripts: Scripts of its letters, as Unicode calls them.
        vocabulary: Its words, in lower case.
        own: The listed language that it is in; None where it is none of them.
    """

    scripts: frozenset[str]
    vocabulary: frozenset[str]
    own: str | None

    def problem(self, text: str) -> str | None:
        """Why ``text`` is not in the pack's language, or None."""
        letters = [c for c in text if c.isalpha()]
        foreign = Counter(s for c in letters if (s := script(c)) not in self.scripts)
        if letters and foreign.total() > FOREIGN_SHARE * len(letters):
            return f"it is written in {foreign.most_common(1)[0][0].capitalize()} letters"
        if self.own is None:
            return None
        words = words_of(text)
        own = sum(w in LITTLE_WORDS[self.own] for w in words)
        for language, little in LITTLE_WORDS.items():
            other = [w for w in words if w in little and w not in self.vocabulary]
            if language != self.own and len(other) >= FOREIGN_WORDS and len(other) > own:
                return f"words such as {', '.join(repr(w) for w in dict.fromkeys(other[:3]))} are not its language"
        return None


def language_of(pack: Pack) -> Language:
    """The language of a pack: its lore, rules, brief and instructions."""
    spec = pack.spec
    texts = [spec.system, spec.brief, spec.description, *(f"{s.title} {s.instruction}" for s in spec.steps)]
    texts += [f"{r.message} {r.because}" for r in pack.definition.rules.rules]
    texts += [f"{d.title} {d.prose}" for d in pack.documents.values()]
    prose = "\n".join(texts)
    scripts = Counter(script(c) for c in prose if c.isalpha())
    words = words_of(prose)
    counts = {language: sum(w in little for w in words) for language, little in LITTLE_WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    return Language(
        scripts=frozenset(s for s, n in scripts.items() if n >= USED_SHARE * scripts.total()),
        vocabulary=frozenset(words),
        own=best if counts[best] >= KNOWN_SHARE * max(1, len(words)) else None,
    )


def words_of(text: str) -> list[str]:
    """Words in lower case."""
    return [w.lower() for w in _WORD.findall(text)]


@lru_cache(maxsize=4096)
def script(letter: str) -> str:
    """The script of a letter: the first word of its Unicode name."""
    return unicodedata.name(letter, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]
