"""The words of dates: months and days of the week in 22 languages, and the names of zones.

Names that mean another month elsewhere in the table's languages are left out. Croatian is: its
October is Poland's November.
"""

import unicodedata


def folded(text: str) -> str:
    """Return text as names are compared: without accents, in lower case."""
    apart = unicodedata.normalize("NFKD", text.replace("\u2212", "-").casefold())
    plain = "".join(c for c in apart if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", plain).translate(_LETTERS)


_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "\u2019": "'"})

# English, German, French, Spanish, Italian, Portuguese, Dutch, Danish, Swedish, Norwegian, Polish,
# Czech, Slovak, Russian, Ukrainian, Turkish, Finnish, Hungarian, Romanian, Greek, Catalan and
# Indonesian; short forms with them.
_MONTHS = (
    "january jan januar jänner jän janvier janv enero ene gennaio gen genn janeiro januari styczeń "
    "stycznia sty leden ledna led januára január январь января янв січень січня січ ocak oca "
    "tammikuu tammikuuta tammi ianuarie ian ιανουάριος ιανουαρίου ιαν gener",
    "february feb februar februari februarie febr feber février févr fév febrero febbraio "
    "febb fevereiro fev luty lutego lut únor února úno február februára февраль февраля фев февр "
    "лютий лютого лют şubat şub helmikuu helmikuuta helmi φεβρουάριος φεβρουαρίου φεβ febrer "
    "pebruari",
    "march mar march märz mrz maerz mars marzo março maart mrt marts marzec marca březen března "
    "bře marec март марта мар березень березня бер mart maaliskuu maaliskuuta maalis március márc "
    "martie μάρτιος μαρτίου μαρ març maret",
    "april apr avril avr abril abr aprile april kwiecień kwietnia kwi duben dubna dub apríl apríla "
    "апрель апреля апр квітень квітня квіт кві nisan nis huhtikuu huhtikuuta huhti április ápr "
    "aprilie απρίλιος απριλίου απρ",
    "may mai mayo maggio mag maio mei maj maja květen května kvě máj mája май мая травень травня "
    "тра mayıs toukokuu toukokuuta touko május μάιος μαΐου μαΐ maig",
    "june jun juni juin junio giugno giu junho czerwiec czerwca cze červen června čvn jún júna "
    "июнь июня июн червень червня чер haziran haz kesäkuu kesäkuuta kesä június iunie iun ιούνιος "
    "ιουνίου ιουν juny",
    "july jul juli juillet juil julio luglio lug julho lipiec lipca lip červenec července čvc júl "
    "júla июль июля июл липень липня лип temmuz tem heinäkuu heinäkuuta heinä július iulie iul "
    "ιούλιος ιουλίου ιουλ juliol",
    "august aug août aou agosto ago augustus augusti sierpień sierpnia sie srpen srpna srp augusta "
    "август августа авг серпень серпня сер ağustos ağu elokuu elokuuta elo augusztus "
    "αύγουστος αυγούστου αυγ agost agustus agu",
    "september sep sept septembre septiembre setiembre settembre set sett setembro wrzesień "
    "września wrz září zář septembra сентябрь сентября сен сент вересень вересня вер eylül eyl "
    "syyskuu syyskuuta syys szeptember szept septembrie σεπτέμβριος σεπτεμβρίου σεπ σεπτ setembre",
    "october oct oktober okt octobre octubre ottobre ott outubro out październik października paź "
    "říjen října říj október októbra октябрь октября окт жовтень жовтня жов ekim eki lokakuu "
    "lokakuuta loka octombrie οκτώβριος οκτωβρίου οκτ",
    "november nov novembre noviembre novembro listopad listopada lis listopadu novembra ноябрь "
    "ноября ноя нояб листопад листопада лис kasım kas marraskuu marraskuuta marras noiembrie noi "
    "νοέμβριος νοεμβρίου νοε",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro desember des grudzień "
    "grudnia gru prosinec prosince pro decembra декабрь декабря дек грудень грудня гру aralık ara "
    "joulukuu joulukuuta joulu decembrie δεκέμβριος δεκεμβρίου δεκ desembre",
)
MONTHS = {
    folded(word): number for number, words in enumerate(_MONTHS, start=1) for word in words.split()
}

_WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed weds thu thur thurs "
    "fri sat sun montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do "
    "fr sa so lundi mardi mercredi jeudi vendredi samedi dimanche lun mar mer jeu ven sam dim "
    "lunes martes miércoles jueves viernes sábado domingo mié jue vie sáb dom lunedì martedì "
    "mercoledì "
    "giovedì venerdì sabato domenica gio segunda terça quarta quinta sexta seg ter qua qui sex "
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag ma wo vr za zo mandag tirsdag "
    "onsdag torsdag fredag lørdag søndag man tir ons tor fre lør søn måndag tisdag lördag söndag "
    "mån tis lör sön poniedziałek wtorek środa czwartek piątek sobota niedziela pon wt śr czw pt "
    "sob niedz pondělí úterý středa čtvrtek pátek neděle po út st čt pá ne pondelok utorok streda "
    "štvrtok piatok nedeľa понедельник вторник среда четверг пятница суббота воскресенье пн вт ср "
    "чт пт сб вс понеділок вівторок середа четвер пʼятниця п'ятниця субота неділя нд pazartesi "
    "salı çarşamba perşembe cuma cumartesi pazar pzt sal çar per cum cmt paz maanantai tiistai "
    "keskiviikko torstai perjantai lauantai sunnuntai maanantaina tiistaina keskiviikkona "
    "torstaina perjantaina lauantaina sunnuntaina ti ke to pe la su hétfő kedd szerda csütörtök "
    "péntek szombat vasárnap luni marți miercuri joi vineri sâmbătă duminică δευτέρα τρίτη τετάρτη "
    "πέμπτη παρασκευή σάββατο κυριακή dilluns dimarts dimecres dijous divendres dissabte diumenge "
    "senin selasa rabu kamis jumat sabtu minggu"
)
WEEKDAYS = frozenset(folded(word) for word in _WEEKDAYS.split())

# What people write between the parts of a date.
BETWEEN = frozenset(
    folded(word)
    for word in "the of at on de del d den der le el il la a à alle ore um am uhr kl klo i o г "
    "года год р r року dne o'clock published updated posted veröffentlicht publié".split()
)

# Minutes east of UTC. IST is left out (India, Israel, Ireland). CST, CDT and PST are also China's,
# Cuba's and the Philippines', but in a date they are North America's by the standard: RFC 822,
# section 5.1, and RFC 5322, section 4.3 (obs-zone).
ZONES = {"z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60}
ZONES |= {"cet": 60, "met": 60, "mez": 60, "cest": 120, "mest": 120, "mesz": 120}
ZONES |= {"eet": 120, "eest": 180, "msk": 180, "trt": 180, "sast": 120, "eat": 180, "wat": 60}
ZONES |= {"cat": 120, "pkt": 300, "wib": 420, "hkt": 480, "sgt": 480, "awst": 480, "jst": 540}
ZONES |= {"kst": 540, "acst": 570, "aest": 600, "acdt": 630, "aedt": 660, "nzst": 720, "nzdt": 780}
ZONES |= {"est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360}
ZONES |= {"pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "ast": -240}
ZONES |= {"adt": -180, "nst": -210, "ndt": -150, "brt": -180, "art": -180, "clt": -240}
ZONE_RULES = {
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}
