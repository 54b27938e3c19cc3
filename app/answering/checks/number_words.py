"""Numbers and units of measure as people write them. Pure."""

from collections.abc import Mapping, Sequence

_UNIT_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_UNITS = _UNIT_WORDS.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_GERMAN = "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()  # noqa: SIM905
_GERMAN_TEENS = "dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn".split()  # noqa: SIM905
# As case folding leaves them: "dreißig" is looked up as "dreissig".
_GERMAN_TENS = "zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig".split()  # noqa: SIM905
_OTHERS = [
    " ".join([*_GERMAN, *_GERMAN_TEENS]),
    "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis",
    "deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
]
_OTHER_TENS = [
    " ".join(_GERMAN_TENS),
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "vingt trente quarante cinquante soixante",
]
CARDINALS = {
    **{
        f"{one}und{ten}": 10 * tens + ones
        for tens, ten in enumerate(_GERMAN_TENS, start=2)
        for ones, one in enumerate(["ein", *_GERMAN[:8]], start=1)
    },
    **{word: 10 * value for words in _OTHER_TENS for value, word in enumerate(words.split(), start=2)},
    **{f"{word}mal": value for value, word in enumerate(_GERMAN, start=2)},
    **{word: value for words in _OTHERS for value, word in enumerate(words.split(), start=2)},
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    "dozen": 12,
    "twice": 2,
    "couple": 2,
}
del CARDINALS["once"]
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000} | {"hundert": 100, "tausend": 1_000}
_ORDINAL_WORDS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
]
ORDINALS = {word: value for value, word in enumerate(_ORDINAL_WORDS, start=1)}
SOFT = frozenset({"one", "zero", "first", "second", "couple", "acht"})
_WIDE_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"两": 2, "兩": 2}

# Each spelling of a unit by one name.
_SPELLINGS = {
    "second": "seconds sec secs sekunde sekunden segundo segundos seconde secondes",
    "minute": "minute minutes min mins minuten minuto minutos",
    "hour": "hour hours hr hrs h hourly stunde stunden hora horas heure heures",
    "day": "day days daily d tag tage tagen día días jour jours",
    "week": "week weeks weekly woche wochen semana semanas semaine semaines",
    "month": "month months monthly monat monate monaten mes meses mois",
    "year": "year years yearly annual annually yr yrs jahr jahre jahren año años an ans",
    "ms": "ms millisecond milliseconds",
    "byte": "b byte bytes",
    "kB": "kb kilobyte kilobytes kib",
    "MB": "mb megabyte megabytes mib",
    "GB": "gb gigabyte gigabytes gib",
    "TB": "tb terabyte terabytes tib",
    "percent": "% percent pct prozent",
    "euro": "€ eur euro euros",
    "dollar": "$ usd dollar dollars dólar dólares",
    "pound": "£ gbp pound pounds pfund libra libras",
    "yen": "¥ jpy yen",
    "franc": "chf franc francs franken",
    "rupee": "₹ inr rupee rupees",
    "krona": "sek nok dkk krona kronor krone kroner",
    "zloty": "pln zł zloty",
    "quarter": "quarters quartal quartale trimestre trimestres",
    "Hz": "hz",
    "kHz": "khz",
    "MHz": "mhz",
    "GHz": "ghz",
    "kbit": "kbps kbit",
    "Mbit": "mbps mbit",
    "Gbit": "gbps gbit",
    "inch": "inch inches zoll",
    "foot": "ft foot feet",
    "yard": "yd yards",
    "lb": "lb lbs",
    "ounce": "oz ounce ounces",
    "tonne": "tonne tonnes",
    "ml": "ml millilitre millilitres milliliter milliliters",
    "kW": "kw",
    "kWh": "kwh",
    "mAh": "mah",
    "amp": "ampere amperes amps",
    "pixel": "px pixel pixels",
    "dpi": "dpi",
    "cent": "cent cents céntimo céntimos",
    "km": "km kilometre kilometres kilometer kilometers",
    "m": "m metre metres meter meters",
    "cm": "cm centimetre centimetres centimeter centimeters",
    "mm": "mm millimetre millimetres",
    "mile": "mile miles mi",
    "kg": "kg kilogram kilograms kilo kilos",
    "g": "g gram grams",
    "litre": "l litre litres liter liters",
    "degree": "° °c °f degree degrees",
    "watt": "w watt watts",
    "volt": "v volt volts",
    "token": "token tokens",
}
UNITS: Mapping[str, str] = {
    spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()
}
CURRENCIES = {"€": "euro", "EUR": "euro", "$": "dollar", "USD": "dollar", "£": "pound", "GBP": "pound"} | {
    "¥": "yen",
    "CHF": "franc",
}
# What may stand between a number and its unit, or between two numbers of a range.
ADJECTIVES = frozenset(
    [
        "working",
        "business",
        "calendar",
        "full",
        "more",
        "extra",
        "additional",
        "consecutive",
        "to",
        "or",
        "and",
        "bis",
        "a",
    ]
)
# Units that say something without a number, too: "every week", "monthly". Short and ambiguous ones do not.
_TELLING = ("minute", "hour", "day", "week", "month", "year")
TIME_WORDS = {word: unit for word, unit in UNITS.items() if unit in _TELLING and len(word) > 3}


def in_words(words: Sequence[str]) -> tuple[int | None, int]:
    """The number that `words` (casefolded) begin with, and how many of them it takes."""
    parts = [part for word in words for part in [word.split("-")]]
    total, taken, last = 0, 0, 0
    for pieces in parts:
        if not all(piece in CARDINALS or piece in _SCALES for piece in pieces):
            break
        if taken and not (pieces[0] in _SCALES or (20 <= last < 100 and CARDINALS.get(pieces[0], 99) < 10)):
            break
        for piece in pieces:
            if piece in _SCALES:
                total = max(total, 1) * _SCALES[piece]
            else:
                total += CARDINALS[piece]
            last = total
        taken += 1
    return (total, taken) if taken else (None, 0)


def wide_number(text: str) -> int:
    """A number below 1,000 in Chinese or Japanese digits."""
    total, digit = 0, 0
    for sign in text:
        if sign in _WIDE_DIGITS:
            digit = _WIDE_DIGITS[sign]
        else:
            total += max(digit, 1) * (10 if sign == "十" else 100)
            digit = 0
    return total + digit
