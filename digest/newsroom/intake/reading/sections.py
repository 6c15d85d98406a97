"""An entry's section and its topics, from the categories and tags that a feed gives."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from digest.newsroom.intake.reading.lines import one_line, shortened

TERM_AT_MOST = 60
TOPICS_AT_MOST = 20
CATEGORIES_AT_MOST = 50
CATEGORY_AT_MOST = 1000

# What comes behind a category, by what its element or its scheme says. The rest is a category.
TAG_KINDS = re.compile(r"(?:^|[^a-z])(?:post_?tag|tags?|keywords?)(?:$|[^a-z])")
MEDIA_KINDS = re.compile(r"media:|media_|search\.yahoo\.com/mrss")

SEPARATORS = re.compile(r"[,;、，；\n]")
ADDRESS = re.compile(r"\S*://\S*|www\.\S+|(?:urn|tag|mailto):\S+", re.IGNORECASE)
# Numbers, and the names that machines give: "a81fc2d09b", a UUID.
NO_WORDS = re.compile(
    r"[\W\d_]*|(?=[a-f]*\d)[0-9a-f]{8,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
# The category that WordPress and its like give what has none, in its languages.
NO_CATEGORY = frozenset(
    name.strip()
    for name in """
    uncategorized, uncategorised, uncategorizable, unclassified, no category, none, default,
    unkategorisiert, nicht kategorisiert, ohne kategorie, keine kategorie, allgemein,
    non classé, non classe, non classés, non catégorisé, sans catégorie,
    sin categoría, sin categoria, sin categorizar, sin clasificar,
    senza categoria, non categorizzato, sem categoria, não categorizado,
    geen categorie, niet gecategoriseerd, ongecategoriseerd, zonder categorie,
    okategoriserade, okategoriserad, okategoriserat, utan kategori,
    ikke kategoriseret, ukategoriseret, ikke-kategoriseret, ukategorisert, ikke kategorisert,
    yleinen, kategorioimaton, kategoriaton, luokittelematon, luokittelemattomat,
    bez kategorii, nieskategoryzowane, nezařazené, nezařazeno, bez kategorie, nezaradené,
    bez rubriky, без рубрики, без категории, без категорії, без категория,
    genel, kategorisiz, kategorilenmemiş, egyéb, nincs kategória, besorolatlan, kategorizálatlan,
    necategorizat, fără categorie, χωρίς κατηγορία, αταξινόμητα,
    sense categoria, sense categoritzar, tak berkategori, tanpa kategori, chưa phân loại,
    未分類, 未分类, 미분류, 분류되지 않음, غير مصنف, כללי, ללא קטגוריה
    """.split(",")
)


@dataclass(frozen=True)
class Category:
    """A category as plain text. `kind`: its element ("media:category"), domain or scheme, or ""."""

    text: str
    kind: str = ""


def section_and_topics(categories: Iterable[Category]) -> tuple[str | None, tuple[str, ...]]:
    """Return the section, and up to 20 topics: what else the categories name.

    The first real category is the section; tags, and then Media RSS's categories, are one only
    where there is no other.
    """
    ranked = sorted(islice(categories, CATEGORIES_AT_MOST), key=_rank)
    found: dict[str, str] = {}
    for category in ranked:
        for term in SEPARATORS.split(category.text[:CATEGORY_AT_MOST]):
            if name := _name(term):
                found.setdefault(name.casefold(), name)
    names = list(found.values())
    return (names[0] if names else None), tuple(names[1 : TOPICS_AT_MOST + 1])


def _rank(category: Category) -> int:
    kind = category.kind[:CATEGORY_AT_MOST].lower()
    if MEDIA_KINDS.search(kind):
        return 2
    return 1 if TAG_KINDS.search(kind) else 0


def _name(term: str) -> str:
    name = one_line(term).strip(" \"'").lstrip("# ")
    folded = name.casefold()
    if folded in NO_CATEGORY or NO_WORDS.fullmatch(folded) or ADDRESS.fullmatch(name):
        return ""
    return shortened(name, TERM_AT_MOST)
