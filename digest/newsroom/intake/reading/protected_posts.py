"""Posts that are none: WordPress's that ask for a password, and say so instead of a text."""

import re

# The form that stands for the text is written alike in all languages.
FORMS = ("wp-login.php?action=postpass", 'class="post-password-form')
# How WordPress's translations begin such a title ("Protected: %s").
TITLES = (
    *("protected", "geschützt", "protégé", "protegido", "protegida", "protetto", "beveiligd"),
    *("beschermd", "zabezpieczone", "zabezpieczony", "chroniony", "skyddad", "beskyttet"),
    *("passordbeskyttet", "suojattu", "защищено", "защищённая", "захищено", "védett", "chráněno"),
    *("chránené", "zaštićeno", "заштићено", "protejat", "protegit", "babestua", "korumalı"),
    *(
        "προστατευμένο",
        "保護中",
        "受保护",
        "保護文章",
        "受密码保护的文章",
        "密码保护",
        "보호된 글",
        "보호됨",
    ),
    *("محمي", "مقالة محمية", "מוגן", "được bảo vệ", "bảo vệ", "terproteksi", "dilindungi"),
)
TITLE = re.compile(rf"\s*(?:{'|'.join(TITLES)})\s?[:：]", re.IGNORECASE)
# "There is no excerpt because this is a protected post.": no text, and why there is none.
NO_EXCERPTS = (
    r"there is no excerpt because this is a protected post",
    r"kein(en)?\W+(text)?auszug\b.{0,60}\bgeschützt",
    r"pas d.extrait\b.{0,60}\bprotégé",
    r"no hay (ningún )?(extracto|resumen)\b.{0,60}\bprotegid",
    r"não há (nenhum )?(resumo|excerto)\b.{0,60}\bprotegid",
    r"não existe (nenhum )?(resumo|excerto)\b.{0,60}\bprotegid",
    r"(riassunto|estratto)\b.{0,60}\bprotett",
    r"geen (samenvatting|uittreksel)\b.{0,60}\b(beschermd|beveiligd)",
    r"(zajawki|streszczenia|wypisu)\b.{0,60}\b(chronion|zabezpieczon)",
    r"(utdrag|sammanfattning)\b.{0,60}\b\w*skyddat",
    r"(utdrag|uddrag)\b.{0,60}\b\w*beskyttet",
    r"отрывка нет\b.{0,60}\bзащищен",
    r"(цитаты|отрывка|отрывок)\b.{0,60}\bзащищ",
    r"保護されているため",
    r"受密码保护|受保护的文章|受密碼保護|受保護的文章",
    r"보호된 글",
)
NO_EXCERPT = re.compile("|".join(NO_EXCERPTS), re.IGNORECASE)
EXCERPT_AT_MOST = 200


def is_protected(title: str, summary: str, content: str) -> bool:
    """Tell whether a post asks for a password, by the HTML of its summary and content.

    The words of WordPress alone are believed only where there is nothing else to read.
    """
    if any(form in content or form in summary for form in FORMS):
        return True
    text = summary or content
    if len(text) > EXCERPT_AT_MOST * 2:
        return False
    words = re.sub(r"<[^<>]{0,200}>", " ", text).strip()
    if len(words) > EXCERPT_AT_MOST:
        return False
    if NO_EXCERPT.search(words):
        return True
    return not words and TITLE.match(title) is not None
