"""Charsets: the WHATWG Encoding Standard's labels, and bytes that do not keep to them."""

from tests.newsroom.intake.corpus.samples import PAGE, Sample, Wanted, item, rss

POINT = "Charsets"


def declared(label: str, title: str, codec: str) -> bytes:
    """Return a feed that declares `label`, and is written in Python's `codec`."""
    text = f'<?xml version="1.0" encoding="{label}"?>' + rss(item(title=title)).decode()
    return text.encode(codec)


def sample(name: str, label: str, title: str, codec: str) -> Sample:
    return Sample(name, POINT, declared(label, title, codec), (Wanted(title),))


BROKEN = item("<description>Ein Caf\0 am Hafen</description>", title="Düsseldorf")
AFTER = item(title="Göttingen", number=2)
BROKEN_WANTED = (
    Wanted("Düsseldorf", standfirst="Ein Caf\ufffd am Hafen"),
    Wanted("Göttingen", f"{PAGE}2"),
)
ODD_BYTE = rss(BROKEN, AFTER).replace(b"\0", b"\xe9")
TRUNCATED = rss(item(title="Düsseldorf", within="<description>Caf\0</description>"))

SAMPLES = (
    Sample(
        "utf-8 declared, one byte of Latin-1",
        POINT,
        b'<?xml version="1.0" encoding="utf-8"?>' + ODD_BYTE,
        BROKEN_WANTED,
    ),
    Sample("utf-8 not declared, one byte of Latin-1", POINT, ODD_BYTE, BROKEN_WANTED),
    Sample(
        "utf-8 by the header, one byte of Latin-1", POINT, ODD_BYTE, BROKEN_WANTED, charset="utf-8"
    ),
    Sample(
        "utf-8 declared, a character cut in half",
        POINT,
        b'<?xml version="1.0" encoding="UTF-8"?>' + TRUNCATED.replace(b"\0", b"\xc3"),
        (Wanted("Düsseldorf", standfirst="Caf\ufffd"),),
    ),
    Sample(
        "utf-8 that declares iso-8859-1",
        POINT,
        declared("iso-8859-1", "Düsseldorf", "utf-8"),
        (Wanted("Düsseldorf"),),
    ),
    sample("iso-8859-1 means windows-1252", "ISO-8859-1", "The “port” – again", "cp1252"),
    sample("us-ascii means windows-1252", "us-ascii", "The “port” – again", "cp1252"),
    sample("iso-8859-9 means windows-1254", "iso-8859-9", "“Ağaç” ve köprü", "cp1254"),
    sample("gb2312 means gbk", "gb2312", "朱镕基参观港口", "gbk"),
    sample("shift_jis means windows-31j", "Shift_JIS", "第①号 ～ 港の橋", "cp932"),
    sample("x-sjis means windows-31j", "x-sjis", "髙橋さんの港", "cp932"),
    sample("euc-kr means UHC", "euc-kr", "똠방각하 항구", "cp949"),
    sample("ks_c_5601-1987 means UHC", "ks_c_5601-1987", "펲시 항구", "cp949"),
    sample("windows-874", "windows-874", "สะพาน “ท่าเรือ”", "cp874"),
    sample("tis-620 means windows-874", "tis-620", "สะพาน “ท่าเรือ”", "cp874"),
    sample("iso-8859-8-i", "iso-8859-8-i", "הגשר נפתח", "iso8859-8"),
    sample("windows-1251", "windows-1251", "Мост снова открыт", "cp1251"),
    sample("koi8-u", "koi8-u", "Міст знову відкрито", "koi8-u"),
    sample("big5 holds Hong Kong's characters", "big5", "嘅港口大橋", "big5hkscs"),
    sample("x-x-big5 means big5", "x-x-big5", "港口大橋", "big5"),
    sample("utf-16 with a mark", "utf-16", "Düsseldorf 橋", "utf-16"),
    sample("utf-16 without a mark", "utf-16le", "Düsseldorf 橋", "utf-16-le"),
    Sample(
        "koi8-r by the header alone",
        POINT,
        rss(item(title="Мост снова открыт")).decode().encode("koi8-r"),
        (Wanted("Мост снова открыт"),),
        charset="koi8-r",
    ),
    Sample(
        "the mark counts for more than header and declaration",
        POINT,
        b"\xef\xbb\xbf" + declared("windows-1252", "Düsseldorf", "utf-8"),
        (Wanted("Düsseldorf"),),
        charset="iso-8859-1",
    ),
)
