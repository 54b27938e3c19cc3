"""Words that turn a sentence round when one stands for the other. Pure data."""

from collections.abc import Mapping

from app.answering.checks.wording import stem

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
available unavailable | weekdays weekends | morning evening | active inactive | visible hidden | show hide
shown hidden | expand collapse | attach detach | join leave | create delete | create destroy | keep delete
must may | best worst | positive negative | odd even | empty full | synchronous asynchronous | sync async
empfohlen verboten | vor nach | immer nie | mit ohne | antes después | siempre nunca | con sin | avant après
toujours jamais
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
