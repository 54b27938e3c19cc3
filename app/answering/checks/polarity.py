"""Whether a sentence says yes where its source says no. Pure.

Sentences are compared clause by clause: a clause says the same as the source's clause that shares most of its
words, if both are negated or neither is, and no word stands in it for its opposite.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.answering.checks.limits import alike, changed_limit
from app.answering.checks.yes_no import without_yes_no
from app.answering.sentences import sentences
from app.ranking.plain_text import content, stem

_NEGATION = re.compile(
    r"\b(?:not(?! only\b)|cannot|never|without|unable|neither|nor|none|nobody|nothing|nowhere|no(?!\. ?\d)|"
    r"impossible|unavailable|unsupported|unnecessary|unlikely|hardly|scarcely|barely|"
    r"fail(?:s|ed|ing)?|refus(?:e|es|ed|ing)|avoid(?:s|ed|ing)?|lack(?:s|ed|ing)?|"
    r"kaum|verweigert|tampoco|"
    r"nicht|kein\w{0,2}|nie|niemals|ohne|ne|pas|jamais|sans|aucune?|nunca|sin|ning[uú]n\w?|jam[aá]s|non|mai|"
    r"senza|não|nunca|sem|niet|geen|nooit|zonder|не|нет|без|никогда|нельзя|nie|bez|nigdy|"
    r"ikke|aldrig|inte|aldrig|nem|nincs|değil|yok|tidak|không|δεν|لا|لم|لن|ليس|नहीं|לא)\b|"
    r"\w+n't\b|\b(?:dont|doesnt|didnt|wont|cant|isnt|arent|wasnt|shouldnt|couldnt)\b|[不没無无未别沒]|ません|ない|없|않|못|ไม่|नहीं",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:()\n]|\s-\s|\b(?:but|and|because|so|if|when|unless|until|while|although|though|which|since|or|that|aber|"
    r"und|wenn|weil|pero|si|porque|mais|et)\b|\b(?=(?:without|ohne|sin|sans)\b)",
    re.IGNORECASE,
)
# "Keys expire after 90 days without use" does not deny that they expire.
_WITHOUT = re.compile(r"\s*(?:without|ohne|sin|sans)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_ALIKE = 0.5  # share of words from which two clauses are about the same
_MARGIN = 0.08

# One word of a pair in the place of the other turns a sentence round.
_PAIRS = """
enable disable | enabled disabled | enables disables | up down | start stop | started stopped
start shutdown | begin end | open close | opened closed | opens closes | install uninstall
installed uninstalled | add remove | added removed | allow forbid | allow deny | allow block
allow prohibit | allowed forbidden | allowed denied | allowed prohibited | accept reject | accept refuse
accept decline | accepted rejected | include exclude | included excluded | including excluding
before after | always never | always sometimes | more less | more fewer | minimum maximum | least most
above below | over under | increase decrease | raise lower | first last | login logout | on off
upload download | import export | public private | free paid | required optional | mandatory optional
true false | early late | earlier later | old new | older newer | oldest newest | connect disconnect
lock unlock | mount unmount | push pull | encrypt decrypt | activate deactivate | subscribe unsubscribe
online offline | inside outside | left right | top bottom | higher lower | high low | larger smaller
large small | faster slower | fast slow | success failure | succeed fail | succeeds fails | pass fail
passed failed | valid invalid | correct incorrect | correct wrong | right wrong | together separately
manual automatic | manually automatically | local remote | locally remotely | all none | everyone nobody
everything nothing | every no | both neither | same different | since until | until after | buy sell
ascending descending | horizontal vertical | internal external | temporary permanent | with without
long short | longer shorter | cheap expensive | lose win | easy difficult | possible impossible
available unavailable | kept deleted | keeps deletes | kept removed | open closed | everyone nobody
sold bought | won lost | weekdays weekends | morning evening | active inactive | visible hidden | show hide
shown hidden | expand collapse | attach detach | join leave | create delete | create destroy | keep delete
must may | best worst | positive negative | odd even | empty full | synchronous asynchronous | sync async
work fail | works fails | working failing
offen geschlossen | geöffnet geschlossen | öffnen schließen | öffnet schließt | erlaubt verboten
möglich unmöglich | kostenlos kostenpflichtig | früher später | mehr weniger | mindestens höchstens
über unter | innerhalb außerhalb | aktivieren deaktivieren | aktiviert deaktiviert | öffentlich privat
hinzufügen entfernen | installieren deinstallieren | starten stoppen | manuell automatisch | erste letzte
ersten letzten | alte neue | altes neues | alten neuen | alter neuer | größer kleiner
hoch niedrig | lang kurz | schnell langsam | richtig falsch | gültig ungültig
verfügbar vergriffen | vorher nachher
vormittags nachmittags | morgens abends | links rechts | oben unten | kaufen verkaufen | annehmen ablehnen
empfohlen verboten | vor nach | immer nie | mit ohne | antes después | siempre nunca | con sin | avant après
toujours jamais | permitido prohibido | permitida prohibida | permitidos prohibidos | abierto cerrado
abierta cerrada | incluido excluido | obligatorio opcional | gratis pagado | alles nichts
autorisé interdit | ouvert fermé | ouverte fermée | gratuit payant
"""


def _opposites() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.replace("\n", "|").strip("|").split("|"):
        one, other = pair.split()
        for left, right in ((one, other), (other, one)):
            for word in {left, stem(left)}:
                found.setdefault(word, set()).update({right, stem(right)})
    return {word: frozenset(opposites) for word, opposites in found.items()}


OPPOSITES = _opposites()


@dataclass(frozen=True, slots=True)
class _Clause:
    words: frozenset[str]
    negated: bool


def negations(text: str) -> int:
    return len(_NEGATION.findall(text))


def about_the_same(one: str, other: str) -> bool:
    """Whether two folded sentences share most of the shorter one's content."""
    words, others = content(one), content(other)
    return bool(words and others) and 2 * len(words & others) >= min(len(words), len(others))


def turned(one: str, other: str) -> bool:
    """Whether one of two sentences about the same is negated and the other is not."""
    turns = negations(one) + negations(other)
    said, held = _words(one), _words(other)
    turns += any(
        opposite in held and opposite not in said
        for word in said - held
        for opposite in OPPOSITES.get(word, ())
        if not {word, opposite} & {"with", "without", "possible", "impossible", "available", "unavailable"}
    )
    return turns % 2 == 1


def contradiction(sentence: str, source: str) -> str | None:
    """What turns the folded sentence against the folded source; None where nothing does."""
    sentence = without_yes_no(sentence)
    held = _clauses_of(source)
    for clause in _clauses(sentence):
        scored = [(alike(clause.words, each.words), each) for each in held]
        best = max((score for score, _ in scored), default=0.0)
        if best < _ALIKE:
            continue
        same = max((score for score, each in scored if each.negated == clause.negated), default=0.0)
        if best - same > _MARGIN:
            return "negation"
    near = _nearest(sentence, source)
    return _opposed(sentence, near) or changed_limit(sentence, source, near) if near else None


def _opposed(sentence: str, near: Sequence[str]) -> str | None:
    """A word of the sentence in whose place the nearest sentences of the source have its opposite."""
    said, held = _words(sentence), set().union(*map(_words, near))
    for word in said - held:
        for opposite in OPPOSITES.get(word, ()):
            if opposite in held and opposite not in said:
                return word
    return None


def _nearest(sentence: str, source: str) -> list[str]:
    """The sentences of the source that this one says again: the best for the whole, and for each clause."""
    held = _sentences(source)
    near = []
    for words in {content(sentence), *(clause.words for clause in _clauses(sentence))}:
        scored = [(_held(words, content(each)), each) for each in held]
        best = max((score for score, _ in scored), default=0.0)
        if words and best >= _ALIKE:
            near += [each for score, each in scored if score >= best - 0.05 and each not in near]
    return near


def _held(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one) if one else 0.0


@lru_cache(maxsize=1_000)
def _sentences(source: str) -> list[str]:
    return [without_yes_no(each) for each in sentences(source)]


@lru_cache(maxsize=1_000)
def _clauses_of(source: str) -> list[_Clause]:
    found = []
    for each in _sentences(source):
        clauses = _clauses(each)
        found += clauses
        whole = content(each) | frozenset(_NUMBER.findall(each))
        # "1.2 is supported, 1.1 is not" says nothing as a whole that one of its clauses does not say.
        if len(clauses) > 1 and all(clause.words != whole for clause in clauses):
            found.append(_Clause(whole, sum(clause.negated for clause in clauses) % 2 == 1))
    return found


@lru_cache(maxsize=4_000)
def _clauses(sentence: str) -> list[_Clause]:
    """Clauses with two content words at least; shorter ones join the one behind them."""
    found: list[_Clause] = []
    pending = ""
    pieces = _CLAUSE.split(sentence)
    for at, piece in enumerate(pieces):
        pending = f"{pending} {piece}" if pending else piece
        words = content(pending) | frozenset(_NUMBER.findall(pending))
        negated = negations(pending) % 2 == 1 and not (not words and _WITHOUT.match(pending))
        if len(words) >= 2 or (words and negated) or (at == len(pieces) - 1 and (words or negated)):
            if found and (not words or (len(words) < 2 and not negated)):
                last = found.pop()
                found.append(_Clause(last.words | words, last.negated != negated))
            else:
                found.append(_Clause(words, negated))
            pending = ""
    return found


@lru_cache(maxsize=4_000)
def _words(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return frozenset(words) | frozenset(stem(word) for word in words)
