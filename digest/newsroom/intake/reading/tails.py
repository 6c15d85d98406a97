"""What feeds hang behind a summary: "[…]", "Read more", "The post … appeared first on …".

Only an end of its own is taken away, never a sentence: a link's words, a phrase behind a cut, or
the line that a program wrote.
"""

import re

from digest.newsroom.intake.reading.lines import one_line
from digest.newsroom.intake.reading.markup import PARTING, Piece, decoded, text_of

# Words with which a link leads on to the whole text, each language's in lower case.
MORE = tuple(
    phrase.strip()
    for phrase in """
    read more, read on, read the rest, read full, read the full, read the whole, read article,
    read the article, read post, read the post, read this, continue reading, keep reading,
    continue to read, full story, full article, more…, more..., more », more >, (more, see more,
    learn more, view post, view article, click here to read, find out more, more info, [more,
    weiterlesen, mehr lesen, weiter lesen, lesen sie weiter, mehr erfahren, zum artikel,
    den ganzen artikel, artikel lesen, beitrag lesen, ganzen beitrag, vollständigen artikel,
    lire la suite, lire plus, en savoir plus, lire l'article, lire l’article, continuer la lecture,
    continuer à lire, poursuivre la lecture, la suite,
    leer más, seguir leyendo, continuar leyendo, sigue leyendo, continúa leyendo, continua leyendo,
    leer el artículo, ver más, leggi tutto, continua a leggere, leggi di più, leggi il resto,
    leggi l'articolo, leggi l’articolo, continua la lettura, prosegui la lettura, leggi ancora,
    ler mais, leia mais, continue lendo, continue a ler, continuar a ler, continuar lendo,
    saiba mais, lees meer, lees verder, meer lezen, verder lezen, lees het hele, doorlezen,
    læs mere, læs videre, fortsæt læsning, læs resten, les mer, les videre, fortsett å lese,
    läs mer, läs vidare, fortsätt läsa, fortsätt läsningen, läs hela, lue lisää, jatka lukemista,
    lue koko, czytaj dalej, czytaj więcej, czytaj całość, więcej…, kontynuuj czytanie,
    číst dále, číst více, pokračovat ve čtení, celý článek, čítať ďalej, čítať viac,
    читать далее, читать дальше, читать полностью, продолжить чтение, подробнее, далее…,
    читати далі, читати більше, детальніше, devamını oku, okumaya devam et, daha fazla oku,
    tovább olvasom, tovább olvas, olvass tovább, bővebben, citește mai mult, citeşte mai mult,
    continuă lectura, διαβάστε περισσότερα, συνέχεια ανάγνωσης, περισσότερα,
    llegir més, continua llegint, llegeix més, baca selengkapnya, lanjutkan membaca,
    続きを読む, もっと読む, 阅读全文, 继续阅读, 閱讀全文, 繼續閱讀, 查看全文, 더 보기, 계속 읽기
    """.split(",")
)
MORE_ALONE = sorted((phrase for phrase in MORE if len(phrase) > 6), key=len, reverse=True)
# What a link to the whole text is no longer than; such a link may name the text.
MORE_AT_MOST = 400

# WordPress's line and its like, in its languages: how it begins, and what stands between the
# entry's title and the site's name.
APPEARED = (
    ("The post ", ("appeared first on", "first appeared on", "was first published on")),
    ("This post ", ("appeared first on", "first appeared on", "was originally published")),
    ("This article ", ("appeared first on", "first appeared on", "was originally published")),
    ("Der Beitrag ", ("erschien zuerst auf", "erschien zuerst bei", "erschien zuerst in")),
    ("Der Artikel ", ("erschien zuerst auf", "erschien zuerst bei", "ist zuerst erschienen")),
    ("L’article ", ("est apparu en premier sur", "a été publié en premier sur")),
    ("L'article ", ("est apparu en premier sur", "a été publié en premier sur")),
    ("Cet article ", ("est apparu en premier sur", "est d’abord paru sur")),
    ("La entrada ", ("se publicó primero en", "aparece primero en", "apareció primero en")),
    ("El artículo ", ("se publicó primero en", "aparece primero en", "apareció primero en")),
    ("L'articolo ", ("proviene da", "sembra essere il primo su")),
    ("L’articolo ", ("proviene da", "sembra essere il primo su")),
    ("O conteúdo ", ("aparece primeiro em", "apareceu primeiro em")),
    ("O post ", ("apareceu primeiro em", "aparece primeiro em", "apareceu primeiro no")),
    ("O artigo ", ("aparece primeiro em", "apareceu primeiro em", "foi publicado primeiro")),
    ("Het bericht ", ("verscheen eerst op",)),
    ("Inlägget ", ("dök först upp på", "publicerades först på")),
    ("Indlægget ", ("blev først udgivet på", "dukkede først op på", "blev vist først på")),
    ("Innlegget ", ("dukket først opp på", "ble først publisert på")),
    ("Artikkeli ", ("julkaistiin ensimmäisen kerran", "ilmestyi ensin", "ilmestyi ensimmäisenä")),
    ("Artykuł ", ("pochodzi z serwisu", "pojawił się poraz pierwszy", "pojawił się po raz")),
    ("Wpis ", ("pochodzi z serwisu", "pojawił się po raz pierwszy")),
    ("Příspěvek ", ("pochází z", "se nejdříve objevil na", "byl poprvé publikován")),
    ("Príspevok ", ("zobrazený najskôr", "sa najskôr objavil na", "pochádza z")),
    ("Сообщение ", ("появились сначала на", "появилось сначала на", "впервые появилось")),
    ("Запись ", ("впервые появилась", "появилась сначала на")),
    ("Статья ", ("впервые появилась", "появилась сначала на")),
    ("Запис ", ("спершу з'явився на", "спершу з’явився на", "вперше з'явився")),
    ("A(z) ", ("először", "bejegyzés először")),
    ("Articolul ", ("apare prima dată în", "apare prima dată pe")),
    ("L'entrada ", ("ha aparegut primer a",)),
    ("L’entrada ", ("ha aparegut primer a",)),
    ("Το άρθρο ", ("εμφανίστηκε πρώτα στο", "δημοσιεύτηκε πρώτα")),
    ("投稿 ", ("に最初に表示されました",)),
)
# Where the title comes first: "… yazısı ilk önce … üzerinde ortaya çıktı."
APPEARED_BEHIND = ("yazısı ilk önce", "最先出现在", "最早出現於", "最先出現在", "first appeared on")
TAIL_AT_MOST = 700
SITE_AT_MOST = 120
ENDS_SENTENCE = re.compile(r"[.!?][\"'”’»)]?\s+\w")

CUT_END = re.compile(r"(?:\s*(?:…|\.{3,}|[\[(]\s*(?:…|\.{3})\s*[\])]))+\s*$")
AROUND = " \u00a0»›→>⟶➔➜|-–—:][)"
ARROWS = " \u00a0»›→>⟶➔➜.…|-–—:]["
SENTENCE_ENDS = (*".!?…。！？", *(f"{end}{quote}" for end in ".!?…" for quote in "\"'”’»)"))
# A line in any language that is two links with a few words about them: the title, then the site.
OTHER_WORDS_AT_MOST = 80


def without_last_line(found: list[Piece], title: str) -> list[Piece]:
    """Return the pieces without a last line that says where the entry appeared first."""
    begin = len(found)
    while begin and not (found[begin - 1].name in PARTING and text_of(found[begin:], 10)):
        begin -= 1
        if len(found) - begin > 60:
            return found
    line = found[begin:]
    text = text_of(line, TAIL_AT_MOST)
    if text and (not _without_appeared(text, title) or _is_title_and_site(line, text, title)):
        return found[:begin]
    return found


def _is_title_and_site(line: list[Piece], text: str, title: str) -> bool:
    begins = [at for at, piece in enumerate(line) if piece.name == "a" and not piece.ends]
    ends = [at for at, piece in enumerate(line) if piece.name == "a" and piece.ends]
    if len(begins) != 2 or len(ends) != 2 or not _letters(title):
        return False
    links = [text_of(line[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    behind = text_of(line[ends[1] :])
    others = len(text) - sum(map(len, links))
    return (
        _letters(links[0]) == _letters(title)
        and 0 < others <= OTHER_WORDS_AT_MOST
        and len(behind) <= len(text) - len(links[0]) - len(links[1])
        and not ENDS_SENTENCE.search(behind)
    )


def without_last_link(found: list[Piece]) -> list[Piece]:
    """Return the pieces without a link at their end that leads on to the whole text."""
    at = len(found)
    while at and _says_nothing(found[at - 1]):
        at -= 1
    if not at or found[at - 1].name != "a" or not found[at - 1].ends:
        return found
    begin = at - 2
    while begin >= 0 and found[begin].name != "a":
        begin -= 1
    if begin < 0 or found[begin].ends:
        return found
    words = text_of(found[begin:at], MORE_AT_MOST)
    leads_on = words.strip(" [(").casefold().startswith(MORE) or not words.strip(ARROWS)
    return found[:begin] if leads_on and text_of(found[:begin], 10) else found


def _says_nothing(piece: Piece) -> bool:
    if piece.name:
        return piece.name != "a" and piece.name != "img"
    return len(piece.text) < 100 and not decoded(piece.text).strip(ARROWS + "\n\t\r")


def without_tail(text: str, title: str) -> str:
    """Return a line without what a program hung behind it.

    Where a title is known, a line about where "it" appeared first must name it.
    """
    text = _without_more(_without_appeared(text, title), title)
    if not CUT_END.search(text[-40:]):
        return text
    shorter = (text[:-40] + CUT_END.sub("", text[-40:])).rstrip(" .…,;:–—-")
    return f"{shorter}…" if shorter else ""


def _without_appeared(text: str, title: str) -> str:
    for opening, middles in APPEARED:
        at = text.rfind(opening, max(0, len(text) - TAIL_AT_MOST))
        if at >= 0 and any(_is_appeared(text[at + len(opening) :], m, title) for m in middles):
            return text[:at].rstrip()
    start = title.strip()
    at = text.rfind(start, max(0, len(text) - TAIL_AT_MOST)) if start else -1
    if at >= 0 and text[at + len(start) :].lstrip(" \"”»’'").startswith(APPEARED_BEHIND):
        return text[:at].rstrip()
    return text


def _is_appeared(behind: str, middle: str, title: str) -> bool:
    named, found, site = behind.partition(middle)
    if not found or len(site) > SITE_AT_MOST or ENDS_SENTENCE.search(site):
        return False
    return not title or _letters(named).startswith(_letters(title)[:15])


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, one_line(text[:1000]).casefold()))


def _without_more(text: str, title: str) -> str:
    """Take "Continue reading" away behind a cut or a sentence, alone or with the entry's title."""
    end = text[-MORE_AT_MOST:]
    folded = end.casefold()
    if len(folded) != len(end):
        return text
    for phrase in MORE_ALONE:
        at = folded.rfind(phrase)
        if at <= 0:
            continue
        before, behind = end[:at].rstrip(" [(→»"), end[at + len(phrase) :].strip(AROUND)
        behind = "" if behind in ("...", "…") else behind
        names_it = title and _letters(behind) == _letters(title)
        if before.endswith((*SENTENCE_ENDS, "]")) and (not behind or names_it):
            return text[: len(text) - len(end)] + before
    return text
