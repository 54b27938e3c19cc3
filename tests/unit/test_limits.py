"""Sentences that change one telling word, number or date of their entry, and others that change none."""

import pytest

from app.answering.checks.verification import Verifier
from app.domain import FaqEntry, Support

ENGLISH = FaqEntry(
    "e",
    "shop",
    "How do refunds work?",
    "You must send the lamp back within 30 days. All parcels up to 20 kg are collected before 9:30 a.m. on "
    "weekdays, except on 1 May. Refunds usually take 3 to 5 working days. Postgres 14 is used instead of "
    "MySQL. You can pay by card unless the order is above 500 euros. Customers in Norway pay 25% customs. "
    "We answer only orders from January to March. Run `docker run -d -p 8080:80 shop/api` first.",
)
GERMAN = FaqEntry(
    "g",
    "shop",
    "Wie lange gilt die Garantie?",
    "Die Garantie gilt mindestens zwei Jahre. Sie müssen den Kassenbon immer aufbewahren. Reparaturen sind "
    "kostenlos, außer bei Wasserschäden. Bitte melden Sie sich vor dem 3. Oktober.",
)
SPANISH = FaqEntry(
    "s",
    "shop",
    "¿Cuánto dura la garantía?",
    "La garantía dura al menos dos años. Siempre debe guardar el recibo. Las reparaciones son gratuitas, "
    "excepto los daños por agua. Avise antes del 3 de octubre.",
)


def matched(entry: FaqEntry, text: str) -> bool:
    verdict = Verifier({1: entry}, asked=entry.question).judge(text)
    return verdict.sentence.support is not Support.UNMATCHED


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (ENGLISH, "You may send the lamp back within 30 days."),
        (ENGLISH, "You must send the lamp back after 30 days."),
        (ENGLISH, "Some parcels up to 20 kg are collected before 9:30 a.m. on weekdays, except on 1 May."),
        (ENGLISH, "All parcels over 20 kg are collected before 9:30 a.m. on weekdays, except on 1 May."),
        (ENGLISH, "All parcels up to 20 kg are collected after 9:30 a.m. on weekdays, except on 1 May."),
        (ENGLISH, "All parcels up to 20 kg are collected before 9:30 p.m. on weekdays, except on 1 May."),
        (ENGLISH, "All parcels up to 20 kg are collected before 9:30 a.m. on weekdays, including 1 May."),
        (ENGLISH, "All parcels up to 20 kg are collected before 9:30 a.m. on weekdays, except on 1 June."),
        (ENGLISH, "Refunds rarely take 3 to 5 working days."),
        (ENGLISH, "Refunds usually take 5 to 3 working days."),
        (ENGLISH, "Refunds usually take 3 to 5 working weeks."),
        (ENGLISH, "MySQL 14 is used instead of Postgres."),
        (ENGLISH, "Postgres 14 is used together with MySQL."),
        (ENGLISH, "You can pay by card if the order is above 500 euros."),
        (ENGLISH, "You can pay by card unless the order is above 500 dollars."),
        (ENGLISH, "You can pay by card unless the order is below 500 euros."),
        (ENGLISH, "Customers in Norway refuse to pay 25% customs."),
        (ENGLISH, "Customers in Norway no longer pay 25% customs."),
        (ENGLISH, "We answer orders from January to March."),
        (ENGLISH, "We answer only orders from January to May."),
        (ENGLISH, "Run `docker run -D -p 8080:80 shop/api` first."),
        (ENGLISH, "Run `docker run -d -p 8081:80 shop/api` first."),
        (ENGLISH, "Run `docker run -d -p 8080:80 shop/web` first."),
        (GERMAN, "Die Garantie gilt höchstens zwei Jahre."),
        (GERMAN, "Die Garantie gilt mindestens drei Jahre."),
        (GERMAN, "Sie dürfen den Kassenbon immer aufbewahren."),
        (GERMAN, "Sie müssen den Kassenbon nie aufbewahren."),
        (GERMAN, "Reparaturen sind kostenlos, einschließlich bei Wasserschäden."),
        (GERMAN, "Bitte melden Sie sich nach dem 3. Oktober."),
        (GERMAN, "Bitte melden Sie sich vor dem 3. November."),
        (SPANISH, "La garantía dura como máximo dos años."),
        (SPANISH, "La garantía dura al menos tres años."),
        (SPANISH, "Nunca debe guardar el recibo."),
        (SPANISH, "Las reparaciones son gratuitas, incluso los daños por agua."),
        (SPANISH, "Avise después del 3 de octubre."),
    ],
)
def test_a_changed_limit_is_caught(entry: FaqEntry, text: str) -> None:
    assert not matched(entry, text)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (ENGLISH, "Within 30 days you have to send the lamp back."),
        (ENGLISH, "The lamp must be sent back within 30 days."),
        (ENGLISH, "On weekdays every parcel up to 20 kg is collected before 9:30 am, except for 1 May."),
        (ENGLISH, "Refunds generally take three to five working days."),
        (ENGLISH, "Unless the order is over 500 euros, you can pay by card."),
        (ENGLISH, "Instead of MySQL, Postgres 14 is used."),
        (ENGLISH, "Only orders from January to March are answered."),
        (GERMAN, "Mindestens zwei Jahre gilt die Garantie."),
        (GERMAN, "Den Kassenbon müssen Sie stets aufbewahren."),
        (SPANISH, "Debe guardar siempre el recibo."),
    ],
)
def test_the_same_said_otherwise_passes(entry: FaqEntry, text: str) -> None:
    assert matched(entry, text)
