"""The nearest relative of a language among others, by Glottolog's families and branches in the table of languages."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from harness.types.languages import Language, languages, primary_code


def nearest_relative(
    code: str, among: Collection[str], *, prefer: str = "", known: Mapping[str, Language] | None = None
) -> tuple[str, str] | None:
    """The closest of the languages ``among``, with the reason: ("nl", "branch Germanic"); None where none is related.

    The same language in another script or region comes first ("zh" for "zh-Hant"), then a language of the same branch
    (genus), then one of the same family. Of several, one in the same script is taken, then the language ``prefer``, then
    the one with the most resources (Joshi et al. 2020), then the first by code. ``known`` is the table of languages, by
    default that of this process.
    """
    known = languages() if known is None else known
    others = sorted(set(among) - {code})
    if same := [other for other in others if primary_code(other) == primary_code(code)]:
        return same[0], "the same language"
    own = known.get(code) or known.get(primary_code(code))
    if own is None:
        return None
    entries = [known[other] for other in others if other in known]
    for name, group in (("branch", "genus"), ("family", "family")):
        if related := [entry for entry in entries if getattr(entry, group) == getattr(own, group)]:
            nearest = min(related, key=lambda entry: _distance(own, entry, prefer))
            return nearest.code, f"{name} {getattr(own, group)}"
    return None


def _distance(own: Language, other: Language, prefer: str) -> tuple[bool, bool, int, str]:
    return other.script != own.script, other.code != prefer, -(other.resource_class or 0), other.code
