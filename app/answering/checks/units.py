"""Units of measure, each spelling by one name. Pure data."""

from collections.abc import Mapping

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
    "dollar": "$ usd dollar dollars",
    "pound": "£ gbp",
    "cent": "cent cents",
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
