"""Personal data in text: narrow patterns, each with the check that its own standard has. Pure.

Nothing is found by a word list, so a story may be full of names and numbers. What only looks like one of these, and
fails its check, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from srl_pipeline.tuning.dataset.records import DataKind


@dataclass(frozen=True)
class Span:
    """Where in a text something stands."""

    start: int
    end: int
    kind: DataKind


def personal_data(text: str) -> list[Span]:
    """What is found, in the order of the text; nothing overlaps."""
    found: list[Span] = []
    for kind, find in _FINDERS:
        for start, end in find(text):
            if all(end <= other.start or start >= other.end for other in found):
                found.append(Span(start, end, kind))
    return sorted(found, key=lambda span: span.start)


_EMAIL = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9](?:[\w.%+-]{0,62}[\w%+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-])"
)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 "
        "EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
        "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 "
        "PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 "
        "XK20",
    )
}
"""Characters of an account number, by country (ISO 13616)."""


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2])
        if length is None:
            continue
        # The pattern may run on into capitals that follow: the country says where the number ends.
        places = [i for i, letter in enumerate(match[0]) if letter != " "]
        if len(places) < length:
            continue
        end = places[length - 1] + 1
        number = match[0][:end].replace(" ", "")
        after = text[match.start() + end : match.start() + end + 1]
        if not after.isalnum() and _mod_97(number) == 1:
            yield match.start(), match.start() + end


def _mod_97(iban: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


_CARD = re.compile(
    r"(?<![\w.,+])(?:\d{14,19}|\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{3})?|\d{4}[ -]\d{6}[ -]\d{4,5})(?![\w]|[.,]\d)"
)
_ISSUERS = re.compile(
    r"(?:4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|(?:6011\d\d|65\d{4}|64[4-9]\d{3})\d{10}(?:\d{3})?|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17})"
)


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ -]", "", match[0])
        if _ISSUERS.fullmatch(digits) and _luhn(digits):
            yield match.span()


def _luhn(digits: str) -> bool:
    doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


_PHONE = re.compile(r"(?<![\w.,+])(?<!\d[ ./-])(?:\+|00)[1-9](?:[ ./-]?(?:\(\d{1,5}\)|\d)){6,15}(?![\d])")
_CODES = re.compile(
    r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|21[12368]|2[2346]\d|25[0-8]|29[01789]|35\d|37\d|38[0-35-79]|42[013]|50\d|59\d|67[02-9]|68[0-35-9]|69[0-2]"
    r"|85[02356]|88[06]|96[0-8]|97[0-7]|99[2-689]"
)
"""Codes of countries as ITU-T E.164 assigns them, but 1 and 7."""


def _phones(text: str) -> Iterator[tuple[int, int]]:
    if "+" in text or "00" in text:
        yield from (match.span() for match in _PHONE.finditer(text) if _is_phone(match[0]))


def _is_phone(written: str) -> bool:
    """Whether a code of a country begins it and the rest has a length and grouping that telephone numbers have."""
    plain = re.sub(r"\(0\)", "", written)
    digits = re.sub(r"\D", "", plain).removeprefix("00" if not written.startswith("+") else "")
    if not 9 <= len(digits) <= 15:
        return False
    if digits[0] in "17":  # North America and Russia: ten digits follow, and neither area nor exchange begins with 0
        return len(digits) == 11 and digits[1] not in "01" and (digits[0] == "7" or digits[4] not in "01")
    if not _CODES.match(digits):
        return False
    groups = [g for g in re.split(r"\D+", plain) if g]
    rest = groups[1:] if len(groups) > 1 else [digits]
    # "+20 30 40 50 60" are scores; numbers in pairs begin with a single digit, as they do in France.
    return any(len(group) >= 3 for group in rest) or len(rest[0]) == 1


_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_DOCUMENTATION = [
    ip_network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
]


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if (address := _address(match[0])) is not None and _names_someone(address, match[0]):
                yield match.span()


def _address(written: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(written)
    except ValueError:
        return None


def _names_someone(address: IPv4Address | IPv6Address, written: str) -> bool:
    """Not the machine itself, not an example of a manual, and no clock or code that happens to parse."""
    if address.is_loopback or address.is_unspecified or any(address in block for block in _DOCUMENTATION):
        return False
    groups = [group for group in written.split(":") if group]
    return address.version == 4 or (len(groups) >= 3 and any(letter.isdigit() for letter in written))


_US = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_GERMAN = re.compile(r"(?<!\w)(\d{2}) ?((?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}) ?([A-Z]) ?(\d{2})(\d)(?!\w)")
_GERMAN_FACTORS = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)


def _social_security(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _US.finditer(text))
    yield from (match.span() for match in _GERMAN.finditer(text) if _german_check(match))


def _german_check(match: re.Match[str]) -> bool:
    """The check digit of a Versicherungsnummer (VKVV, section 4): the letter counts as its place in the alphabet."""
    area, born, letter, serial, check = match.groups()
    digits = f"{area}{born}{ord(letter) - 64:02d}{serial}"
    products = (int(digit) * factor for digit, factor in zip(digits, _GERMAN_FACTORS, strict=True))
    return sum(sum(map(int, str(product))) for product in products) % 10 == int(check)


_Finder = Callable[[str], Iterator[tuple[int, int]]]
_FINDERS: tuple[tuple[DataKind, _Finder], ...] = (
    ("email", _emails),
    ("iban", _ibans),
    ("card", _cards),
    ("social_security", _social_security),
    ("phone", _phones),
    ("ip_address", _addresses),
)
"""What carries a check of its own comes first: a telephone number is the loosest of them."""
