"""All languages of My Clippings.txt that have been seen."""

from services.imports.clippings_grammar import Language
from services.imports.clippings_words_east import CHINESE, JAPANESE, RUSSIAN
from services.imports.clippings_words_romance import FRENCH, ITALIAN, PORTUGUESE, SPANISH
from services.imports.clippings_words_west import DUTCH, ENGLISH, GERMAN

# English first: it is the most frequent, and where it shares a word with another language it means the same.
LANGUAGES: tuple[Language, ...] = (
    ENGLISH,
    GERMAN,
    FRENCH,
    SPANISH,
    ITALIAN,
    PORTUGUESE,
    DUTCH,
    JAPANESE,
    CHINESE,
    RUSSIAN,
)
