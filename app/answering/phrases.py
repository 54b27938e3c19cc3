"""The fixed sentences of the service, in the index's language (all languages: app/ranking/languages.py)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    no_answer: str
    suggested: str
    differ: str  # before several answers to the one question


_ENGLISH = Phrases(
    "The FAQ does not answer this question.",
    "I am not sure that the FAQ answers this question. Did you mean one of these?",
    "The FAQ has several answers to this question, and they differ:",
)
_PHRASES: Mapping[str, Phrases] = {
    "arabic": Phrases(
        "لا تجيب الأسئلة الشائعة عن هذا السؤال.",
        "لست متأكدًا من أن الأسئلة الشائعة تجيب عن هذا السؤال. هل تقصد أحد هذه الأسئلة؟",
        "في الأسئلة الشائعة عدة إجابات عن هذا السؤال، وهي تختلف:",
    ),
    "chinese": Phrases(
        "常见问题中没有这个问题的答案。",
        "不确定常见问题是否回答了这个问题。您是不是想问以下问题？",
        "常见问题对这个问题有几个不同的答案：",
    ),
    "danish": Phrases(
        "FAQ'en besvarer ikke dette spørgsmål.",
        "Jeg er ikke sikker på, at FAQ'en besvarer dette spørgsmål. Mente du et af disse?",
        "FAQ'en har flere svar på dette spørgsmål, og de er forskellige:",
    ),
    "dutch": Phrases(
        "De FAQ beantwoordt deze vraag niet.",
        "Ik weet niet zeker of de FAQ deze vraag beantwoordt. Bedoelde u een van deze?",
        "De FAQ heeft meer dan één antwoord op deze vraag, en ze verschillen:",
    ),
    "english": _ENGLISH,
    "finnish": Phrases(
        "Usein kysytyt kysymykset eivät vastaa tähän kysymykseen.",
        "En ole varma, vastataanko tähän kysymykseen. Tarkoititko jotakin näistä?",
        "Tähän kysymykseen on useita vastauksia, ja ne eroavat toisistaan:",
    ),
    "french": Phrases(
        "La FAQ ne répond pas à cette question.",
        "Je ne suis pas sûr que la FAQ réponde à cette question. Vouliez-vous dire l'une de celles-ci ?",
        "La FAQ donne plusieurs réponses à cette question, et elles diffèrent :",
    ),
    "german": Phrases(
        "Die FAQ beantwortet diese Frage nicht.",
        "Ich bin nicht sicher, ob die FAQ diese Frage beantwortet. Meinten Sie eine von diesen?",
        "Die FAQ hat mehrere Antworten auf diese Frage, und sie unterscheiden sich:",
    ),
    "hindi": Phrases(
        "अक्सर पूछे जाने वाले प्रश्नों में इसका उत्तर नहीं है।",
        "मुझे यकीन नहीं है कि इसका उत्तर उपलब्ध है। क्या आपका मतलब इनमें से किसी से था?",
        "इस प्रश्न के कई उत्तर उपलब्ध हैं, और वे अलग-अलग हैं:",
    ),
    "hungarian": Phrases(
        "A GYIK nem válaszol erre a kérdésre.",
        "Nem biztos, hogy a GYIK választ ad erre a kérdésre. Ezek egyikére gondolt?",
        "A GYIK több választ ad erre a kérdésre, és ezek eltérnek:",
    ),
    "italian": Phrases(
        "Le FAQ non rispondono a questa domanda.",
        "Non sono sicuro che le FAQ rispondano a questa domanda. Intendeva una di queste?",
        "Le FAQ danno più risposte a questa domanda, e sono diverse:",
    ),
    "japanese": Phrases(
        "この質問への回答はFAQにありません。",
        "FAQに回答があるか確かではありません。次のいずれかでしょうか？",
        "この質問にはFAQに複数の異なる回答があります：",
    ),
    "korean": Phrases(
        "FAQ에 이 질문의 답이 없습니다.",
        "FAQ에 답이 있는지 확실하지 않습니다. 다음 중 하나를 찾으시나요?",
        "FAQ에 이 질문에 대한 서로 다른 답이 여러 개 있습니다:",
    ),
    "norwegian": Phrases(
        "FAQ-en besvarer ikke dette spørsmålet.",
        "Jeg er ikke sikker på at FAQ-en besvarer dette spørsmålet. Mente du et av disse?",
        "FAQ-en har flere svar på dette spørsmålet, og de er forskjellige:",
    ),
    "polish": Phrases(
        "FAQ nie zawiera odpowiedzi na to pytanie.",
        "Nie mam pewności, że FAQ odpowiada na to pytanie. Czy chodziło o jedno z tych?",
        "FAQ zawiera kilka odpowiedzi na to pytanie i różnią się one:",
    ),
    "portuguese": Phrases(
        "A FAQ não responde a esta pergunta.",
        "Não tenho a certeza de que a FAQ responda a esta pergunta. Quis dizer uma destas?",
        "A FAQ tem várias respostas a esta pergunta, e elas diferem:",
    ),
    "russian": Phrases(
        "В FAQ нет ответа на этот вопрос.",
        "Не уверен, что FAQ отвечает на этот вопрос. Возможно, вы имели в виду один из этих?",
        "В FAQ несколько ответов на этот вопрос, и они различаются:",
    ),
    "spanish": Phrases(
        "Las preguntas frecuentes no responden a esta pregunta.",
        "No estoy seguro de que las preguntas frecuentes respondan a esto. ¿Quiso decir una de estas?",
        "Las preguntas frecuentes tienen varias respuestas a esta pregunta, y difieren:",
    ),
    "swedish": Phrases(
        "FAQ:n besvarar inte den här frågan.",
        "Jag är inte säker på att FAQ:n besvarar frågan. Menade du någon av dessa?",
        "FAQ:n har flera svar på den här frågan, och de skiljer sig åt:",
    ),
    "turkish": Phrases(
        "SSS bu soruyu yanıtlamıyor.",
        "SSS'nin bu soruyu yanıtladığından emin değilim. Bunlardan birini mi demek istediniz?",
        "SSS'de bu sorunun birden fazla yanıtı var ve bunlar farklı:",
    ),
    "ukrainian": Phrases(
        "У FAQ немає відповіді на це запитання.",
        "Не впевнений, що FAQ відповідає на це запитання. Можливо, ви мали на увазі одне з цих?",
        "У FAQ кілька відповідей на це запитання, і вони різняться:",
    ),
}


def phrases(language: str) -> Phrases:
    """In English where the language has none."""
    return _PHRASES.get(language, _ENGLISH)
