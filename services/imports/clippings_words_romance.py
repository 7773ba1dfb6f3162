"""The words of My Clippings.txt in French, Spanish, Italian and Portuguese."""

from services.imports.clippings_grammar import NEVER, Language, kinds, location, page, word

FRENCH = Language(
    code="fr",
    kinds=kinds(
        "votre",
        highlight="surlignement|soulignement",
        note="note",
        bookmark="signet",
        clip="extrait|(?:extraire )?cet article",
    ),
    # The elision before it is a letter of its own (U+02BC) to the device, so that no word ends there.
    location=location(r"(?:[l]?[\u02bc'\u2019])?emplacement"),
    page=page("page", r"(?:à\s+l.)?emplacement"),
    signs=word(r"\bajoutée?\b"),
    months=(
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ),
    unknown_authors=frozenset({"inconnu", "auteur inconnu"}),
    limit=word(r"<\s*vous avez atteint la limite maximale d.extraits[^<>]{0,300}>\s*\Z"),
)

SPANISH = Language(
    code="es",
    # "La subrayado" is what devices write.
    kinds=kinds(
        "mi|tu|su|la|el",
        highlight="subrayado|resaltado",
        note="nota",
        bookmark="marcador",
        clip="(?:este )?artículo",
    ),
    location=location(r"posición|pos\."),
    page=page(r"(?:en la|el|la)\s+página", r"pos"),
    signs=word(r"\bañadid[oa]\b"),
    months=(
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ),
    unknown_authors=frozenset({"desconocido", "autor desconocido"}),
    limit=word(r"<\s*has llegado al límite de recortes[^<>]{0,300}>\s*\Z"),
)

ITALIAN = Language(
    code="it",
    kinds=kinds(
        "(?:la|le|il)(?: (?:mia|mie|mio|tua|tue|tuo))?",
        highlight="evidenziazione|sottolineatura",
        note="not[ae]",
        bookmark="segnalibro",
        clip="(?:questo )?articolo",
    ),
    location=location(r"posizione|pos\."),
    page=page("pagina", r"(?:alla\s+)?pos"),
    signs=word(r"\baggiunt[oa]\b"),
    months=(
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ),
    unknown_authors=frozenset({"sconosciuto", "autore sconosciuto"}),
    limit=NEVER,
)

PORTUGUESE = Language(
    code="pt",
    kinds=kinds(
        "seu|sua",
        highlight="destaque|sublinhado",
        note="nota",
        bookmark="marcador(?: de página)?",
        clip="(?:este )?artigo",
    ),
    location=location(r"posição|pos\."),
    # With its preposition, because a bookmark is a "marcador de página".
    page=page(r"na\s+página", r"(?:ou\s+)?pos"),
    signs=word(r"\badicionad[oa]\b|\bdata de adição\b"),
    months=(
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ),
    unknown_authors=frozenset({"desconhecido", "autor desconhecido"}),
    limit=word(r"<\s*você alcançou o limite de recortes[^<>]{0,300}>\s*\Z"),
)
