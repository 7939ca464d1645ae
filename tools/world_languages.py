"""Writes ``harness/types/world_languages.tsv``: every language of BCP 47 with its name, script, family and branch.

    python tools/world_languages.py languoids.csv

Sources: the IANA registry of language subtags and CLDR's names and likely scripts, both in the packages ``langcodes`` and
``language_data`` (MIT, data under the Unicode licence); Glottolog's genealogy (CC BY 4.0) in ``languoids.csv``, the table
of the Glottolog project with the columns ISO639P3code, Name, Classification, Family_Name, Glottocode and Level.

Families have the names of ``languages.tsv`` where Glottolog's differ. The branch is the group of Glottolog's tree that
``languages.tsv`` names as a genus, else the first one below the family. What no source tells is "unknown" (script: Zzzz).
``elsewhere`` are regions where CLDR expects another script: ``TW:Hant``.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from langcodes import Language

from harness.types.languages import first_party_languages

UNKNOWN = "unknown"
NO_FAMILY = frozenset({"Bookkeeping", "Unattested", "Unclassifiable"})
"""Groups of Glottolog that say that the family is not known."""
FAMILIES = {"Atlantic-Congo": "Niger-Congo", "Tai-Kadai": "Kra-Dai", "Austroasiatic": "Austro-Asiatic"}
"""Glottolog's families under the names that ``languages.tsv`` uses."""
SCRIPTS = dict.fromkeys(("acm", "acq", "ajp", "azb", "pbt", "prs"), "Arab")
"""Scripts of languages that CLDR says nothing about, and langcodes takes for Latin, as FLORES-200 has them."""
OUT = Path(__file__).parent.parent / "harness" / "types" / "world_languages.tsv"


def registry() -> Iterator[dict[str, list[str]]]:
    """Records of the IANA registry, field by field; continued lines are joined."""
    text = (files("language_data") / "data" / "language-subtag-registry.txt").read_text(encoding="utf-8")
    for record in text.replace("\n  ", " ").split("%%\n"):
        fields: dict[str, list[str]] = {}
        for line in record.splitlines():
            name, _, value = line.partition(": ")
            fields.setdefault(name, []).append(value)
        yield fields


def genealogy(path: Path) -> dict[str, tuple[str, str]]:
    """Family and branch of each language of Glottolog, by its ISO 639-3 code."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {row["Glottocode"]: row["Name"] for row in rows}
    genera = {language.genus for language in first_party_languages().values()}
    found = {}
    for row in rows:
        if not row["ISO639P3code"]:
            continue
        path_names = [names[code] for code in row["Classification"].split("/") if code]
        family = row["Family_Name"] or f"{row['Name']} (isolate)"
        branch = next((name for name in reversed(path_names) if name in genera), "")
        branch = branch or (path_names[1] if len(path_names) > 1 else row["Name"])
        if family in NO_FAMILY:
            family = branch = UNKNOWN
        found[row["ISO639P3code"]] = (FAMILIES.get(family, family), branch)
    return found


def common(values: list[str]) -> str:
    """The value that all have, else "unknown"."""
    return values[0] if len(set(values)) == 1 else UNKNOWN


def main(languoids: Path) -> None:
    """Writes the table."""
    relatives = genealogy(languoids)
    languages = [
        fields
        for fields in registry()
        if fields.get("Type") == ["language"]
        and ".." not in fields["Subtag"][0]
        and not {"Deprecated", "Preferred-Value"} & fields.keys()
        and fields.get("Scope", [""])[0] not in ("collection", "special", "private-use")
    ]
    members: dict[str, list[str]] = {}
    for fields in languages:
        for macro in fields.get("Macrolanguage", []):
            members.setdefault(macro, []).append(Language.get(fields["Subtag"][0], normalize=False).to_alpha3())
    regions = [fields["Subtag"][0] for fields in registry() if fields.get("Type") == ["region"]]
    regions = [region for region in regions if len(region) == 2 and region not in ("AA", "ZZ")]
    lines = ["code\tiso639_3\tname\tscript\tfamily\tgenus\telsewhere"]
    for fields in languages:
        code = fields["Subtag"][0]
        tag = Language.get(code, normalize=False)
        iso = tag.to_alpha3()
        name = tag.display_name("en")
        name = fields["Description"][0] if name.startswith("Unknown language") else name
        script = SCRIPTS.get(code) or tag.maximize().script or "Zzzz"
        of = [relatives[each] for each in (iso, *members.get(code, ())) if each in relatives]
        family = common([family for family, _ in of]) if of else UNKNOWN
        branch = common([branch for _, branch in of]) if of else UNKNOWN
        scripts = {region: Language.get(f"{code}-{region}", normalize=False).maximize().script for region in regions}
        elsewhere = " ".join(f"{region}:{other}" for region, other in scripts.items() if other and other != script)
        lines.append("\t".join((code, iso, name, script, family, branch, elsewhere)))
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{OUT}: {len(lines) - 1:,} languages")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
