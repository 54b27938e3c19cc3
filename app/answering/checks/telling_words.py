"""Words that say how much, how often, when, whether or for whom. Pure data.

Each family lists its values with their spellings. Replacing one value by another changes the meaning, unless
the two are listed as compatible.
"""

from collections.abc import Mapping, Sequence

_FAMILIES: Mapping[str, str] = {
    "bound": """
        least: at least | no less than | no fewer than | not less than | or more | minimum |
            mindestens | wenigstens | ab | al menos | por lo menos | como mínimo | au moins;
        most: at most | up to | no more than | not more than | or less | or fewer | maximum |
            höchstens | maximal | bis zu | como máximo | a lo sumo | au plus | jusqu'à | within |
            innerhalb | dentro de;
        more: more than | over | above | in excess of | mehr als | über | más de | plus de |
            exceeding;
        less: less than | fewer than | under | below | weniger als | unter | menos de | moins de;
        exact: exactly | precisely | genau | exactamente | exactement;
        about: about | around | approximately | roughly | circa | ungefähr | etwa | aproximadamente
            | environ;
        """,
    "quantity": """
        all: all | every | each | everyone | everybody | anyone | anybody | everything | entire
            | whole | alle | alles | jede | jeder | jedes | todos | todas | todo | toda | cada | tous
            | toutes | chaque;
        most: most | the majority of | almost all | nearly all | meisten | mayoría | plupart;
        some: some | several | multiple | many | various | a few | certain | lots of | a number of |
            einige | manche | mehrere | viele | algunos | algunas | varios | varias | muchos |
            quelques | plusieurs;
        few: few | hardly any | very few | wenige | pocos | pocas | peu;
        both: both | beide | ambos | ambas;
        half: half | hälfte | mitad | moitié;
        none: none | nobody | nothing | nichts | niemand | nada | rien | neither | no one | keine |
            keiner | ninguno | ninguna | aucun;
        """,
    "modality": """
        must: must | have to | has to | need to | needs to | required to | obliged to | mandatory |
            required | muss | müssen | musst | debe | deben | debes | hay que | tiene que | tienen
            que | doit | doivent | il faut;
        should: should | ought to | recommended | advised | sollte | sollten | debería | deberían |
            conviene;
        can: can | able to | allowed to | free to | possible to | kann | kannst | können | darf |
            dürfen | puede | pueden | puedes | peut | peuvent;
        may: may | might | could | optional | optionally | podría | podrían | könnte | könnten |
            pourrait;
        will: will | shall | wird | werden;
        """,
    "frequency": """
        always: always | every time | immer | stets | siempre | toujours;
        usually: usually | generally | normally | typically | often | mostly | regularly |
            frequently | meistens | normalerweise | normalmente | généralement | a menudo | oft;
        sometimes: sometimes | occasionally | at times | manchmal | a veces | parfois;
        rarely: rarely | seldom | hardly ever | selten | rara vez | rarement;
        never: never | nie | niemals | nunca | jamás | jamais;
        once: once | einmal | una vez;
        twice: twice | zweimal | dos veces;
        """,
    "time": """
        within: within | innerhalb;
        before: before | prior to | ahead of | bevor | antes | avant | vor;
        after: after | following | as soon as | nachdem | después | tras | après | nach;
        during: during | während | durante | pendant;
        until: until | till | by | hasta | bis;
        since: since | from | starting | seit | desde | depuis | ab;
        """,
    "scope": """
        except: except | except for | excluding | other than | apart from | with the exception of |
            außer | ausgenommen | excepto | salvo | sauf;
        including: including | included | even | inklusive | einschließlich | incluido | incluso | y
            compris;
        only: only | solely | exclusively | nur | ausschließlich | solo | sólo | solamente |
            únicamente | seulement;
        also: also | not only | auch | nicht nur | también | aussi;
        """,
    "condition": """
        unless: unless | except if | except when | es sei denn | a menos que | a no ser que | à
            moins que;
        if: if | when | in case | provided | as long as | whenever | wenn | falls | sofern | si |
            cuando;
        despite: even if | regardless | even though | even when | auch wenn | aunque | incluso si;
        """,
    "choice": """
        instead: instead of | rather than | statt | anstatt | en lugar de | en vez de | au lieu de;
        together: as well as | along with | together with | sowie | además de;
        """,
}
_COMPATIBLE = """
least more | most less | should must | can may | can will | must will | should will | also including
| usually sometimes | all both | before until | within before | within until | within during | after since
"""
# What is only a bound with a number behind it: "over 5 GB", but "over the network".
BEFORE_NUMBERS = frozenset(
    ["over", "above", "under", "below", "about", "around", "within", "since", "by", "minimum", "maximum"]
).union(["innerhalb", "über", "unter", "etwa"])

# Where one of these was left out or put in, the rest of a sentence being the same, it says something else.
LIMITS = frozenset(["except", "only", "unless", "instead"])


def _spellings() -> Mapping[str, Sequence[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for family, values in _FAMILIES.items():
        for line in " ".join(values.split()).rstrip(";").split("; "):
            value, _, spellings = line.partition(": ")
            for spelling in spellings.split(" | "):
                found.setdefault(spelling.casefold(), []).append((family, value))
    return found


SPELLINGS: Mapping[str, Sequence[tuple[str, str]]] = _spellings()
COMPATIBLE = frozenset(frozenset(pair.split()) for pair in " ".join(_COMPATIBLE.split()).split(" | "))
