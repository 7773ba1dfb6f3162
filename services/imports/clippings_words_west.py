"""The words of My Clippings.txt in English, German and Dutch."""

from services.imports.clippings_grammar import NEVER, Language, kinds, location, page, word

ENGLISH = Language(
    code="en",
    # Anchored at the start: "note" is also a French word, but there it follows "votre".
    kinds=kinds("your", highlight="highlight|underline", note="note", bookmark="bookmark", clip="clip this article"),
    location=location(r"loc(?:ation|\.)?"),
    page=page("page", r"(?:at\s+|on\s+)?loc"),
    signs=word(r"\b(?:added on|location|loc\.|(?:mon|tues|wednes|thurs|fri|satur|sun)day\b)"),
    months=(
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ),
    unknown_authors=frozenset({"unknown", "unknown author"}),
    limit=word(r"<\s*you have reached the clipping limit[^<>]{0,300}>\s*\Z"),
)

GERMAN = Language(
    code="de",
    kinds=kinds(
        "ihre?|deine?|meine?",
        highlight="markierung|unterstreichung",
        note="notiz",
        bookmark="lesezeichen",
        clip="(?:diesen )?artikel(?: ausschneiden)?",
    ),
    location=location(r"position|pos\."),
    page=page("seite", r"(?:bei\s+)?pos"),
    signs=word(r"\bhinzugefügt\b|\buhr\b"),
    months=(
        "januar",
        "februar",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
    ),
    unknown_authors=frozenset({"unbekannt", "unbekannter autor"}),
    limit=NEVER,
)

DUTCH = Language(
    code="nl",
    kinds=kinds(
        "je|uw",
        highlight="highlight|markering|onderstreping",
        note="notitie",
        bookmark="bladwijzer",
        clip="(?:dit )?artikel",
    ),
    location=location("locatie"),
    page=page("pagina", r"(?:op\s+)?locatie"),
    signs=word(r"\btoegevoegd\b"),
    months=(
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ),
    unknown_authors=frozenset({"onbekend"}),
    limit=word(r"<\s*je hebt de knipsellimiet bereikt[^<>]{0,300}>\s*\Z"),
)
