"""Words that say how something is asked, not what about; by language (all of them: languages.py). Pure."""

from collections.abc import Mapping, Set
from functools import lru_cache

from app.ranking.text import mostly_latin, words

_WORDS: Mapping[str, str] = {
    "arabic": """
أن أو إلى أين إذا الذي التي أي أنا ان في كم كيف لا لم لماذا ما ماذا متى من هذا هذه هل هو هي و على عن
قد كان مع يمكن يمكنني
""",
    "chinese": """
怎么 怎样 什么 如何 为什 么时 时候 哪里 哪个 多少 多久 可以 可不 我想 我要 我的
想要 能不 不能 是否 是不 有没 没有 请问 一下 么办 么样 吗 呢 的 了 我 你 您 是
在 和 与 或 要 想 能 会 有 请 就 都 也 不
""",
    "danish": """
af at de den der det du en er et for fra han har hun hvad hvem hvis hvor hvordan hvorfor hvornår i
ikke jeg kan man med men min mit mig og om på skal som så til vi vil være
""",
    "dutch": """
aan al als bij dan dat de deze die dit door een en er het hebben heeft hoe hoeveel ik in is je kan
kun kunnen lang maar me met mij mijn moet na naar niet nog of om ook op over te tot u uit van voor
waar waarom wanneer was wat we welk welke werd wie wij word wordt worden ze zijn
""",
    "english": """
a about all also am an and any are as at be been but by can could d did do does doing don for from
get had has have having he her here him his how i if in into is it its just ll m may me might my no
not of on or our please re s shall she should so some such t than that the their them then there
these they this those to too us ve very was we were what when where which who whom whose why will
with would you your
""",
    "finnish": """
ja on ei että se hän minä sinä me te he mitä mikä kuka missä milloin miten miksi voi voiko voin kuin
mutta tai jos kun niin olla onko oli ovat
""",
    "french": """
à ai au aux avec avoir ce ces cette combien comment dans de des du elle en est et être faire fait faut il
ils je la le les leur lui ma mais me mes moi mon ne nous on ou où par pas peut peux plus pour
pourquoi puis qu quand que quel quelle quelles quels qui quoi sa se ses si son sont sur ta te tes
ton tu un une vos votre vous y
""",
    "german": """
aber als am an auch auf aus bei beim bin bis bitte da damit dann das dass dem den denn der des dich
die dies diese dieser dieses dir doch du durch ein eine einem einen einer eines er es für geht gibt
habe haben hat ich ihr ihre im in ist ja kann kannst können lange man mein meine meinem meinen mich
mir mit muss nach nicht noch nur ob oder sein sich sie sind so soll über um und uns unser von vor
wann war was welche welcher welches wenn wer werden wie wieso wird wir wo wurde zu zum zur
""",
    "hindi": """
और का की के को में से है हैं था थे यह वह क्या कैसे कब कहाँ क्यों कौन पर भी तो मैं मेरा मेरी हम आप कर
करें करना सकता सकते सकती हूँ नहीं लिए कितना कितने
""",
    "hungarian": """
a az egy és nem is hogy van volt lesz mi ki hol mikor hogyan miért mennyi lehet kell meg ha de vagy
ez azt ezt csak már
""",
    "italian": """
a ai al alla anche che chi ci come con cosa cui da dal dei del della delle di dove e è essere fa
fare gli ha ho i il in io la le lo ma mi mia mio ne nel nella non o per perché più posso può quale
quali quando quanto quanti se si sono su sul tra tu un una uno
""",
    "japanese": """
です ます ませ せん でし した して てい いる いま ます すか どう うす すれ れば
ばよ よい いで どこ いつ なに 何 です ください くだ ださ さい する 方法 には のは
とは から まで ため の は が を に で と も か
""",
    "korean": """
어떻 떻게 하나 나요 있나 있어 어요 습니 니다 니까 까요 하는 는지 무엇 언제 어디 왜 은 는 이 가 을 를 에
""",
    "norwegian": """
av at de den det du en er et for fra han har hun hva hvem hvis hvor hvordan hvorfor når i ikke jeg
kan man med men min mitt meg og om på skal som så til vi vil være
""",
    "polish": """
a aby ale bez być by co czy dla do gdzie i ile jak jaka jaki jakie jest już kiedy kto który która ma
mam mi mnie mogę można mój na nie o od po przez się są tak tam ten to w we z za ze że
""",
    "portuguese": """
a à ao aos as com como da das de do dos e é ela ele em entre essa esse esta está este eu faço fazer
há isso já mais mas me meu minha na não nas no nos o onde os ou para pela pelo por porque posso pode
qual quais quando quanto que quem se sem ser seu sua são também tem um uma você
""",
    "russian": """
а без более бы был была были быть в вам вас во вот вы где да для до его ее если есть же за и из или
им их к как какие какой ко когда кто ли мне можно мой моя мы на надо не нет но о об он она они от по
почему при с сколько со так также то у уже чем что чтобы это я
""",
    "spanish": """
a al algo como cómo con cuál cuáles cuándo cuánto cuánta cuántos de del desde dónde donde el él ella
en es esta está este esto ha hace hacer hago hay la las le les lo los más me mi mis muy no nos o
para pero por porque puede puedo qué que quién se ser si sí sin sobre son su sus también te tengo
tiene tu un una unas uno unos y ya yo
""",
    "swedish": """
av att de den det du en är ett för från han har hon vad vem om var hur varför när i inte jag kan man
med men min mitt mig och på ska som så till vi vill vara
""",
    "turkish": """
acaba ama ancak bana ben bir bu da daha de değil diye en gibi hangi için ile ise kaç kim ki mı mi mu
mü nasıl ne neden nerede ne o olan olarak var ve veya ya zaman
""",
    "ukrainian": """
а без би бути в вам вас ви він вона вони де для до є за з зі і із їх й к коли котрий ли мене мені
можна мій моя ми на не ні але о от по при про скільки та так також те у хто це чи чому що щоб я як
який
""",
}


@lru_cache
def stop_words(language: str) -> Set[str]:
    """Empty for a language there is no list of."""
    return frozenset(_WORDS.get(language, "").split())


STOP_WORDS = stop_words("english")


def languages_of(text: str) -> tuple[Set[str], int]:
    """The languages whose stop words a text has most of, and how many it has; none for a text without any."""
    found = frozenset(words(text))
    counts = {name: len(found & stop_words(name)) for name in _WORDS}
    most = max(counts.values())
    return (frozenset(name for name, count in counts.items() if count == most) if most else frozenset()), most


def language_in(text: str, usual: str) -> str:
    """`usual`, unless the text is in another script and its stop words tell one other language."""
    if mostly_latin(text):
        return usual
    names, _ = languages_of(text)
    return usual if len(names) != 1 else next(iter(names))
