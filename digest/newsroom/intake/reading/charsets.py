"""Charsets: a feed's bytes as text, by the labels of the WHATWG Encoding Standard."""

import codecs
import re
from dataclasses import dataclass

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
DECLARED = re.compile(
    rb"""<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']?\s*([\w.:+-]{1,40})""", re.IGNORECASE
)
DECLARED_WITHIN = 1000
REPLACEMENT = "\ufffd"
CUT_CHARACTER = re.compile(rb"\xe2\x80(?![\x80-\xbf])|[\xf0-\xf4][\x80-\xbf]{2}(?![\x80-\xbf])")

# What a label means on the web (Encoding Standard, section 4.2), where Python says otherwise: the
# larger charset that its users write.
SUPERSETS = {
    "utf-8": "utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 utf-8-sig",
    "utf-16-le": "utf-16 unicode ucs-2 iso-10646-ucs-2 csunicode unicodefeff",
    "utf-16-be": "unicodefffe",
    "cp1252": "ascii us-ascii ansi_x3.4-1968 iso-ir-100 l1 latin1 latin-1 csisolatin1 cp819 ibm819 "
    "iso8859-1 iso-8859-1 iso_8859-1 iso88591 iso_8859-1:1987 windows-1252 x-cp1252",
    "cp1254": "latin5 l5 csisolatin5 iso8859-9 iso-8859-9 iso_8859-9 iso88599 iso_8859-9:1989 "
    "iso-ir-148 windows-1254 x-cp1254",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 tis620 windows-874 x-windows-874",
    "gb18030": "gbk gb2312 gb_2312 gb_2312-80 gb2312-80 chinese csgb2312 csiso58gb231280 "
    "iso-ir-58 x-gbk cp936 ms936 gb-2312 euc-cn",
    "cp932": "shift_jis shift-jis sjis x-sjis csshiftjis ms_kanji ms932 windows-31j",
    "cp949": "euc-kr euckr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean csksc56011987 "
    "cseuckr iso-ir-149 windows-949 uhc",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "iso8859-8": "iso-8859-8-i iso-8859-8-e logical visual csiso88598i csiso88598e hebrew",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi koi8 koi8-r cskoi8r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "macintosh mac csmacintosh x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "euc_jp": "x-euc-jp cseucpkdfmtjapanese",
}
LABELS = {label: codec for codec, labels in SUPERSETS.items() for label in labels.split()}
# Python knows codecs that are no charsets, and some that take quadratic time.
CODECS = re.compile(
    r"utf-(8|16|32)(-[bl]e)?|iso8859-\d+|cp(125\d|866|874|932|949|950|437|850)|koi8-[ru]|"
    r"mac-(roman|cyrillic)|shift_jis(_2004)?|shift_jisx0213|euc_(jp|kr|jis_2004)|"
    r"iso2022_(jp|kr).*|gb18030|big5(hkscs)?"
)
# One part in ten of what is not ASCII may be broken before a charset is thought to be another.
BROKEN_AT_MOST = 0.1


@dataclass(frozen=True)
class Decoded:
    """A feed's text; `oddity` is a sentence where its charset is not what it says."""

    text: str
    oddity: str = ""


def decoded(content: bytes, header: str | None = None) -> Decoded:
    """Return a feed's text. `header` is the charset that the HTTP header names.

    A byte order mark decides. What reads as UTF-8 is UTF-8, whatever it says: no other text of any
    length does by chance. What says UTF-8 and mostly is stays UTF-8, with U+FFFD for what is
    broken. Then what the feed says, what the header says, and Windows-1252.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return Decoded(content[len(mark) :].decode(encoding, "replace"))
    if content[:4] in (b"<\x00?\x00", b"\x00<\x00?", b"<\x00r\x00", b"\x00<\x00r"):
        return Decoded(content.decode("utf-16-le" if content[0] else "utf-16-be", "replace"))
    found = DECLARED.search(content, 0, DECLARED_WITHIN)
    said = found[1].decode("ascii", "replace") if found else None
    named = [codec for label in (said, header) if label and (codec := codec_of(label))]
    # ISO-2022 switches by escape: all of its bytes are ASCII, and read as UTF-8.
    if b"\x1b" not in content or not any(codec.startswith("iso2022") for codec in named):
        utf8 = _as_utf8(content, said, named)
        if utf8 is not None:
            return utf8
    for codec in named:
        text = content.decode(codec, "replace")
        if codec != "utf-8" and _is_whole(text):
            return Decoded(text)
    text = content.decode("cp1252", "replace")
    return Decoded(text, f"The feed says that it is in {said}, and is not." if said else "")


def codec_of(label: str) -> str | None:
    """Return Python's codec for a charset's label; None where we do not know it."""
    label = label.strip().lower()
    if label in LABELS:
        return LABELS[label]
    try:
        codec = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    codec = LABELS.get(codec, codec)
    return codec if CODECS.fullmatch(codec) else None


def _as_utf8(content: bytes, said: str | None, named: list[str]) -> Decoded | None:
    """Return the text where it is in UTF-8, whole or with a few broken bytes."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        pass
    else:
        # ASCII only is what nearly every charset says alike.
        is_other = said is not None and bool(named) and named[0] != "utf-8" and not text.isascii()
        return Decoded(text, f"The feed says that it is in {said}, but is in UTF-8." * is_other)
    text = content.decode("utf-8", "replace")
    broken = text.count(REPLACEMENT) - content.count(b"\xef\xbf\xbd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - text.count(REPLACEMENT)
    if not named or named[0] == "utf-8":
        # XML that says nothing is in UTF-8 (XML 1.0, section 4.3.3). Text in another charset has
        # next to nothing that reads so; a character that was cut in two still shows its charset.
        is_utf8 = broken <= 4 * whole or CUT_CHARACTER.search(content) is not None
    else:
        is_utf8 = broken <= whole * BROKEN_AT_MOST
    if not is_utf8:
        return None
    places = "One place" if broken == 1 else f"{broken} places"
    return Decoded(
        text, f"{places} in the feed cannot be read as UTF-8, and show as “{REPLACEMENT}”."
    )


def _is_whole(text: str) -> bool:
    broken = text.count(REPLACEMENT)
    return broken == 0 or broken <= BROKEN_AT_MOST * len(re.findall(r"[^\x00-\x7f]", text))
