"""Finds where sentences begin, in the most common scripts."""

import re

_LATIN = ".!?…"  # and Greek, Cyrillic, ...: white space follows, and then no lower-case letter
_OTHERS = "。！？｡．؟۔।॥։።"  # Chinese, Japanese, Arabic, Urdu, Hindi, Armenian, Amharic: some put no space
_END = re.compile(rf"[{_LATIN}{_OTHERS}]+[\"'”’»)\]*_`」』】）]*\s*")

_WORDS = """
e.g i.e cf vs viz al ca approx dept est inc ltd corp jr sr mr mrs ms dr prof st rev hon gen col sgt capt lt sen rep gov
pres messrs mme mlle jan feb mar apr jun jul aug sep sept oct nov dec bzw vgl evtl ggf bspw inkl zzgl sog ph.d b.sc m.sc
"""
_ABBREVIATED = frozenset(_WORDS.split())
_WORDS = "no nos nr fig figs p pp vol vols ch sec eq eqs art bd abb tab ex"
_NUMBERED = frozenset(_WORDS.split())
"""They are abbreviations if a number follows, and words otherwise."""

_WORD = re.compile(r"[^\s(\[\"'“‘«]*$")


def sentences(text: str, start: int, end: int) -> list[int]:
    """Offsets inside the range where a sentence begins, ascending.

    A full stop after an abbreviation, an initial or the number of a list item does not end a sentence.
    """
    found = []
    for match in _END.finditer(text, start, end):
        point, at = match.span()
        if at == end:
            break
        mark = text[point]
        if mark in _LATIN and (
            not text[at - 1].isspace()
            or text[at].islower()
            or (mark == "." and _is_abbreviated(text, start, point, at))
        ):
            continue
        found.append(at)
    return found


def _is_abbreviated(text: str, start: int, point: int, following: int) -> bool:
    if text[point : point + 2] == "..":
        return False
    line = text[max(start, point - 16) : point]
    found = _WORD.search(line)
    word = found[0].lower() if found else ""
    if len(word) == 1:
        return word.isalpha() and word != "i"
    if word in _NUMBERED:
        return text[following].isdigit()
    if word.isdigit():  # the number of a list item begins its line
        before = text[max(start, point - 16) : point - len(word)]
        return not before.strip(" \t") or before.rstrip(" \t").endswith(("\n", "\r"))
    return word in _ABBREVIATED or (word.count(".") > 0 and all(len(part) == 1 for part in word.split(".")))
