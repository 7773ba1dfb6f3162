"""From bytes to text: the encodings that devices and spreadsheets write."""

import codecs
import re

_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_CONTROLS = re.compile("[\x01-\x08\x0e-\x1f\x7f]")
_NON_ASCII = re.compile("[^\x00-\x7f]")
BINARY = "This is not a text file."
UNKNOWN = "The file's encoding is unknown. Save it as UTF-8."
# Of a hundred characters.
_MOST_CONTROLS = 1


def decode(data: bytes) -> str:
    """Read UTF-8, UTF-16 with its mark, or Windows-1252; raise ValueError, with a sentence for the reader.

    Bytes that are mostly UTF-8 are UTF-8 with broken characters, which become U+FFFD: a cut file is no reason to take
    every accent for two letters.
    """
    for mark, name in _WIDE.items():
        if data.startswith(mark):
            return _plain(data[len(mark) :].decode(name, "replace"))
    if b"\x00" in data:
        raise ValueError(BINARY)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return _plain(data.decode())
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
    broken = text.count("\ufffd")
    if len(_NON_ASCII.findall(text)) - broken >= broken:
        return _plain(text)
    try:
        return _plain(data.decode("cp1252"))
    except UnicodeDecodeError:
        raise ValueError(UNKNOWN) from None


def _plain(text: str) -> str:
    if len(_CONTROLS.findall(text)) * 100 > len(text) * _MOST_CONTROLS:
        raise ValueError(BINARY)
    return text
