"""What stands under a headline: the feed's summary, or the first paragraph of the piece."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from digest.newsroom.intake.reading.element_names import VOID_IN_HTML
from digest.newsroom.intake.reading.lines import shortened
from digest.newsroom.intake.reading.markup import PARTING, UNREAD, Piece, pieces, text_of
from digest.newsroom.intake.reading.tails import (
    SENTENCE_ENDS,
    without_last_line,
    without_last_link,
    without_tail,
)

# A summary longer than this is the piece itself: its first paragraph says what it is about.
SUMMARY_AT_MOST = 600
# Looked at, in pieces and in characters: a first paragraph stands in the beginning.
PIECES_LOOKED_AT = 4_000
LOOKED_AT = 100_000
TEXT_LOOKED_AT = 5_000
SHORT = 40
SHORT_LINK = 25

# These are words that people write about, and forget to escape: no paragraph ends there.
ENDING = PARTING - {"dialog", "fieldset", "legend", "main", "menu", "option"}
# What stands in these is no paragraph of the piece.
BESIDE = frozenset(
    "aside details dl fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header legend "
    "menu nav pre summary table".split()
)
BESIDE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:caption|credit|share|sharing|sharedaddy|social|addtoany|byline|meta|postmeta"
    r"|author|advert|advertisement|related|relatedposts|newsletter|subscribe|toc|breadcrumbs?"
    r"|name-title|name-uid|name-created|screen-reader-text|sr-only|visually-hidden|tags|navigation)(?:$|[\s_-])"
)
CREDIT = re.compile(
    r"(?:photo|photograph|image|picture|illustration|credit|foto|fotos|bild|bilder|abbildung|grafik"
    r"|crédits?|imagen|imagem|immagine|afbeelding|kuva|zdjęcie|фото)"
    r"(?:\s(?:by|credits?|courtesy|von|de|di|par|van|av))?\s?[:©|]|©|\(c\)\s",
    re.IGNORECASE,
)
SHARE = re.compile(
    r"(?:share|tweet|print|e-?mail|pin it|like|follow us|subscribe|sign up|facebook|twitter|"
    r"linkedin|whatsapp|reddit|teilen|partager|compartir|condividi|compartilhar|delen|del|dela|jaa"
    r"|udostępnij|поделиться|paylaş|listen to|listen now|watch|advertisement|anzeige)\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[.!?…。！？।؟:][\"'”’»)\]]*$")
LINE_BREAKS = 2


@dataclass
class Block:
    """A paragraph: its pieces, its links, and how many of its characters stand in them."""

    found: list[Piece] = field(default_factory=list)
    links: int = 0
    linked: int = 0


def standfirst(summary: str, content: str, title: str = "") -> str:
    """Return one line of up to 600 characters from an entry's summary and its content (both HTML).

    Where there is no summary, or it is the piece itself or its title only, the first paragraph is
    taken. `title` is plain text: with it, a program's last line is told from a sentence.
    """
    text = _from_summary(summary, title)
    if not text or _same(text, title):
        text = _first_paragraph(content, title)
    return "" if _same(text, title) else text


def _same(text: str, title: str) -> bool:
    return text.casefold().strip(" .…") == title.casefold().strip(" .…")


def _from_summary(summary: str, title: str) -> str:
    found = without_last_line(_read(summary), title)
    shorter = without_last_link(found)
    blocks = list(_paragraphs(shorter, title))
    together = [piece for block in blocks for piece in block.found]
    whole = without_tail(text_of(together, SUMMARY_AT_MOST * 2), title)
    if len(whole) <= SUMMARY_AT_MOST:
        return _marked(whole) if len(shorter) < len(found) else whole
    return _first_of(blocks, title) or shortened(whole, SUMMARY_AT_MOST)


def _marked(text: str) -> str:
    """Return a text that goes on elsewhere with "…" at its end, where no sentence ends there."""
    return f"{text}…" if text and not text.endswith(SENTENCE_ENDS) else text


def _first_paragraph(content: str, title: str) -> str:
    return _first_of(_paragraphs(_read(content), title), title)


def _read(markup: str) -> list[Piece]:
    found: list[Piece] = []
    size = 0
    for piece in islice(pieces(markup[:LOOKED_AT], UNREAD), PIECES_LOOKED_AT):
        found.append(piece)
        size += 0 if piece.name else len(piece.text)
        if size > TEXT_LOOKED_AT:
            break
    return found


def _paragraphs(found: list[Piece], title: str) -> Iterator[Block]:
    """Give the paragraphs of a text; those of tables and their like where there are no others."""
    for everywhere in (False, True):
        some = False
        for block in _blocks(found, everywhere):
            text = text_of(block.found, SUMMARY_AT_MOST * 2)
            if text and not _is_beside(text, block, title):
                some = True
                yield block
        if some:
            return


def _first_of(blocks: Iterable[Block], title: str) -> str:
    short = ""
    for block in blocks:
        found = without_last_link(block.found)
        text = without_tail(text_of(found, SUMMARY_AT_MOST * 2), title)
        text = _marked(text) if len(found) < len(block.found) else text
        if len(text) >= SHORT or SENTENCE.search(text):
            return shortened(text, SUMMARY_AT_MOST)
        short = short or text
    return short


def _is_beside(text: str, block: Block, title: str) -> bool:
    if _same(text, title) or CREDIT.match(text):
        return True
    in_links = block.linked >= len(text) * 0.8 and (block.links > 1 or len(text) < SHORT_LINK)
    return len(text) < 100 and bool(in_links or (SHARE.match(text) and not SENTENCE.search(text)))


def _blocks(found: list[Piece], everywhere: bool) -> Iterator[Block]:
    """Give the paragraphs of a piece, without what stands beside its text."""
    block = Block()
    beside: list[str] = []
    in_link = False
    breaks = 0
    for piece in found:
        if not everywhere and _changes_beside(piece, beside):
            yield block
            block = Block()
        if beside:
            continue
        if piece.name == "br":
            breaks += 1
        elif piece.name or piece.text.strip():
            breaks = 0
        if (piece.name in ENDING and piece.name != "br") or breaks == LINE_BREAKS:
            yield block
            block, breaks = Block(), 0
        elif piece.name == "a":
            in_link = not piece.ends
            block.links += in_link
        block.found.append(piece)
        block.linked += len(piece.text) if in_link and not piece.name else 0
    yield block


def _changes_beside(piece: Piece, beside: list[str]) -> bool:
    """Note where a part beside the text begins and ends; nested ones of its name with it."""
    if not piece.name or piece.name in VOID_IN_HTML:
        return False
    if beside:
        if piece.name == beside[0]:
            beside.pop() if piece.ends else beside.append(piece.name)
            return not beside
        return False
    if piece.ends:
        return False
    marked = piece.name in BESIDE or (
        "class" in piece.rest and BESIDE_CLASS.search(piece.attributes().get("class", "").lower())
    )
    if marked:
        beside.append(piece.name)
    return bool(marked)
