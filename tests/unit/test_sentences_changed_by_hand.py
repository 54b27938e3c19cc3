"""Sentences a model might write on thirteen entries, by hand: one fact changed, or in other words."""

import pytest

from app.answering.checks.verification import Verifier
from app.domain import FaqEntry, Support

TOLD = {
    "wifi": (
        "Is there Wi-Fi in the rooms?",
        "Yes. Wi-Fi is free in all rooms; the password is printed on your key card. It does not "
        "reach the garden.",
    ),
    "pool": (
        "When is the pool open?",
        "The pool is open from 7:00 to 21:30 every day. Children under 12 must be accompanied by an"
        " adult. Towels cost €3 each.",
    ),
    "cancel": (
        "How do I cancel a booking?",
        "Bookings can be cancelled free of charge up to 48 hours before arrival. After that we "
        "charge 80 % of the first night. Write to bookings@seaview.example or call +44 20 7946 "
        "0123.",
    ),
    "park": (
        "Where can I park?",
        "Parking is available in the garage on Mill Street for £12 per night. Cars higher than 2.1 "
        "m cannot enter. Electric cars may charge there until 10 pm.",
    ),
    "pets": (
        "Are pets allowed?",
        "Dogs are allowed in rooms on the ground floor, but not in the restaurant. We never accept "
        "cats. Please tell us before you arrive, unless your dog is a guide dog.",
    ),
    "backup": (
        "How do I back up the database?",
        "Stop the writer first, then run `pg_dump -Fc -h db.internal -p 5432 shop > "
        "/var/backups/shop.dump`. Backups older than 30 days are deleted automatically. Never copy "
        "the data folder while the server runs.",
    ),
    "deploy": (
        "How do I deploy a new version?",
        "Push a tag such as v2.4.1 and wait for the pipeline. Set `DEPLOY_ENV=production` in "
        "/etc/shop/deploy.env. Only maintainers can deploy on Fridays. The rollback command is "
        "`make rollback VERSION=v2.4.0`.",
    ),
    "limit": (
        "What are the API limits?",
        "The API allows 100 requests per minute and 10,000 per day. Requests above that get the "
        "status 429. Keys expire after 90 days without use. Ask Maria Lopez for a higher limit.",
    ),
    "ssl": (
        "Which TLS versions are supported?",
        "TLS 1.2 and 1.3 are supported, TLS 1.0 and 1.1 are not. Certificates are renewed on the "
        "first Monday of every month.",
    ),
    "frühstück": (
        "Wann gibt es Frühstück?",
        "Frühstück gibt es von 6:30 bis 10 Uhr im Wintergarten. Kinder unter 6 Jahren zahlen "
        "nichts. Am Sonntag ist das Restaurant geschlossen. Ohne Reservierung können wir keinen "
        "Tisch garantieren.",
    ),
    "fumar": (
        "¿Se puede fumar?",
        "No se puede fumar en las habitaciones. En la terraza está permitido hasta las 23:00. La "
        "multa es de 150 euros.",
    ),
    "refund": (
        "When do I get my money back?",
        "Refunds arrive within 5 to 7 business days. We refund shipping costs only if the item was "
        "faulty. Gift cards are not refundable.",
    ),
    "member": (
        "What does the membership include?",
        "Members get free shipping on orders over $35 and early access to sales. The membership "
        "costs $49 a year and renews automatically unless you cancel by 1 March. It can't be shared"
        " with friends.",
    ),
}
ENTRIES = {key: FaqEntry(key, "c", question, answer) for key, (question, answer) in TOLD.items()}
CHANGED = """
wifi: Wi-Fi costs €5 in all rooms.
wifi: Wi-Fi is not free in the rooms.
wifi: The Wi-Fi reaches the garden.
wifi: It reaches the garden too.
wifi: No. Wi-Fi is free in all rooms.
wifi: Wi-Fi is free in most rooms.
wifi: There is no Wi-Fi in the rooms.
pool: The pool is open from 7:00 to 22:30 every day.
pool: The pool is open from 8:00 to 21:30.
pool: The pool is open from 7 am to 9 pm.
pool: The pool opens at 7:30.
pool: The pool is closed from 7:00 to 21:30 every day.
pool: Children under 14 must be accompanied by an adult.
pool: Children over 12 must be accompanied by an adult.
pool: Children under 12 need not be accompanied by an adult.
pool: Children under 12 may be accompanied by an adult.
pool: Children under 12 can swim without an adult.
pool: Adults must be accompanied by children under 12.
pool: Towels cost £3 each.
pool: Towels cost €30 each.
pool: Towels are free.
pool: Towels cost €3 each, but only on weekends.
cancel: Bookings can be cancelled free of charge up to 24 hours before arrival.
cancel: Bookings can be cancelled free of charge up to 48 days before arrival.
cancel: Bookings cannot be cancelled free of charge.
cancel: Bookings can be cancelled free of charge after arrival.
cancel: Bookings can be cancelled free of charge at least 48 hours after arrival.
cancel: After that we charge 8 % of the first night.
cancel: After that we charge 80 % of the whole stay.
cancel: After that we charge 80 % of the last night.
cancel: Write to booking@seaview.example.
cancel: Write to bookings@seaview.com.
cancel: Call +44 20 7946 0124.
cancel: Bookings can no longer be cancelled free of charge 48 hours before arrival.
cancel: You can never cancel free of charge.
park: Parking is available in the garage on Mill Street for £21 per night.
park: Parking is available in the garage on Hill Street for £12 per night.
park: Parking costs £12 per week.
park: Parking costs £12 per hour.
park: Parking is unavailable in the garage on Mill Street.
park: Cars higher than 2.1 m can enter.
park: Cars lower than 2.1 m cannot enter.
park: Cars higher than 2.1 km cannot enter.
park: Cars higher than 1.2 m cannot enter.
park: Electric cars may charge there until 10 am.
park: Electric cars must charge there until 10 pm.
park: Electric cars may not charge there.
park: Electric cars may charge there from 10 pm.
pets: Dogs are allowed in the restaurant.
pets: Dogs are forbidden in rooms on the ground floor.
pets: Dogs aren't allowed in rooms on the ground floor.
pets: We accept cats.
pets: We sometimes accept cats.
pets: Cats are allowed in rooms on the ground floor.
pets: Please tell us after you arrive.
pets: Please tell us before you arrive, even if your dog is a guide dog.
pets: Please tell us before you arrive only if your dog is a guide dog.
pets: You don't have to tell us before you arrive.
backup: Run `pg_dump -Ft -h db.internal -p 5432 shop > /var/backups/shop.dump`.
backup: Run `pg_dump -Fc -h db.internal -p 5433 shop > /var/backups/shop.dump`.
backup: Run `pg_dump -Fc -h db.external -p 5432 shop > /var/backups/shop.dump`.
backup: Run `pg_restore -Fc -h db.internal -p 5432 shop > /var/backups/shop.dump`.
backup: The dump is written to /var/backup/shop.dump.
backup: The dump is written to /var/backups/shop.sql.
backup: Run pg_dump -Fc -h db.internal -p 5432 store > /var/backups/shop.dump.
backup: Start the writer first, then run `pg_dump -Fc -h db.internal -p 5432 shop > /var/backups/shop.dump`.
backup: Backups older than 3 days are deleted automatically.
backup: Backups older than 30 months are deleted automatically.
backup: Backups newer than 30 days are deleted automatically.
backup: Backups older than 30 days are deleted manually.
backup: Backups older than 30 days are kept.
backup: Backups older than 30 days are not deleted automatically.
backup: Always copy the data folder while the server runs.
backup: Copy the data folder while the server runs.
backup: Never copy the data folder unless the server runs.
backup: The host is db.internal and the port 3306.
deploy: Push a tag such as v2.4.2 and wait for the pipeline.
deploy: Set `DEPLOY_ENV=staging` in /etc/shop/deploy.env.
deploy: Set `DEPLOY_MODE=production` in /etc/shop/deploy.env.
deploy: Set `DEPLOY_ENV=production` in /etc/shop/deploy.conf.
deploy: Set DEPLOY_ENV=production in /etc/store/deploy.env.
deploy: Maintainers cannot deploy on Fridays.
deploy: Only maintainers can deploy on Mondays.
deploy: Everyone can deploy on Fridays.
deploy: Anyone except maintainers can deploy on Fridays.
deploy: The rollback command is `make rollback VERSION=v2.4.1`.
deploy: The rollback command is `make revert VERSION=v2.4.0`.
limit: The API allows 1,000 requests per minute.
limit: The API allows 100 requests per second.
limit: The API allows 100 requests per minute and 100,000 per day.
limit: The API allows 10,000 requests per minute and 100 per day.
limit: Requests above that get the status 403.
limit: Requests below that get the status 429.
limit: Keys expire after 90 days of use.
limit: Keys never expire.
limit: Keys expire after 90 hours without use.
limit: Keys don't expire after 90 days without use.
limit: Ask Mario Lopez for a higher limit.
limit: Ask Maria Gomez for a higher limit.
limit: Ask Maria Lopez for a lower limit.
ssl: TLS 1.0 and 1.1 are supported.
ssl: TLS 1.2 and 1.3 are not supported.
ssl: TLS 1.1 and 1.2 are supported.
ssl: Only TLS 1.3 is supported.
ssl: TLS 1.2 and 1.3 are supported, and so are TLS 1.0 and 1.1.
ssl: TLS 1.2, 1.3 and 1.4 are supported.
ssl: Certificates are renewed on the first Tuesday of every month.
ssl: Certificates are renewed on the last Monday of every month.
ssl: Certificates are renewed on the second Monday of every month.
ssl: Certificates are renewed on the first Monday of every year.
frühstück: Frühstück gibt es von 6:30 bis 11 Uhr im Wintergarten.
frühstück: Frühstück gibt es von 6:30 bis 10 Uhr im Restaurant.
frühstück: Kinder unter 16 Jahren zahlen nichts.
frühstück: Kinder über 6 Jahren zahlen nichts.
frühstück: Kinder unter 6 Jahren zahlen alles.
frühstück: Kinder unter 6 Jahren zahlen die Hälfte.
frühstück: Am Samstag ist das Restaurant geschlossen.
frühstück: Am Sonntag ist das Restaurant geöffnet.
frühstück: Am Sonntag ist das Restaurant nicht geschlossen.
frühstück: Ohne Reservierung können wir einen Tisch garantieren.
frühstück: Mit Reservierung können wir keinen Tisch garantieren.
frühstück: Es gibt kein Frühstück im Wintergarten.
fumar: Se puede fumar en las habitaciones.
fumar: Nunca se puede fumar en la terraza.
fumar: En la terraza está prohibido hasta las 23:00.
fumar: En la terraza está permitido hasta las 22:00.
fumar: En la terraza está permitido desde las 23:00.
fumar: La multa es de 50 euros.
fumar: La multa es de 150 dólares.
fumar: No se puede fumar en la terraza.
refund: Refunds arrive within 5 to 17 business days.
refund: Refunds arrive within 5 to 7 business weeks.
refund: Refunds arrive after 5 to 7 business days.
refund: Refunds arrive within 7 to 5 business days.
refund: Refunds fail to arrive within 5 to 7 business days.
refund: We refund shipping costs only if the item was not faulty.
refund: We refund shipping costs even if the item was not faulty.
refund: We always refund shipping costs.
refund: We refund shipping costs unless the item was faulty.
refund: We never refund shipping costs.
refund: We do not refund shipping costs if the item was faulty.
refund: Gift cards are refundable.
member: Members get free shipping on orders over $53.
member: Members get free shipping on orders under $35.
member: Members get free shipping on orders over €35.
member: Members don't get free shipping on orders over $35.
member: The membership costs $49 a month.
member: The membership costs $94 a year.
member: The membership renews automatically even if you cancel by 1 March.
member: The membership renews automatically unless you cancel by 1 May.
member: The membership renews automatically unless you cancel by 11 March.
member: The membership doesn't renew automatically.
member: The membership renews automatically if you cancel by 1 March.
member: It can be shared with friends.
member: You may share it with friends.
member: It isn't possible to cancel the membership.
member: Members get late access to sales.
member: Members get early access to sales, without free shipping.
"""
SUPPORTED = """
wifi: Wi-Fi is free in all rooms.
wifi: Yes, Wi-Fi is free in all rooms.
wifi: All rooms have free Wi-Fi.
wifi: You find the password printed on your key card.
wifi: The Wi-Fi doesn't reach the garden.
wifi: There is free Wi-Fi in every room, and the password is on your key card.
pool: The pool is open daily from 7:00 to 21:30.
pool: The pool is open from 7 am to 9:30 pm every day.
pool: Every day from 7:00 to 21:30, the pool is open.
pool: An adult must accompany children under 12.
pool: Children under 12 need to be accompanied by an adult.
pool: Each towel costs €3.
pool: Towels cost 3 euros each.
cancel: You can cancel your booking free of charge up to 48 hours before arrival.
cancel: Up to 48 hours before arrival, bookings can be cancelled free of charge.
cancel: After that, 80 % of the first night is charged.
cancel: To cancel, write to bookings@seaview.example or call +44 20 7946 0123.
cancel: You can cancel a booking by e-mail to bookings@seaview.example or by phone at +44 20 7946 0123.
park: You can park in the garage on Mill Street for £12 per night.
park: Parking in the garage on Mill Street costs £12 per night.
park: Cars that are higher than 2.1 m can't enter.
park: Until 10 pm electric cars may charge there.
park: Electric cars can charge in the garage until 22:00.
pets: Dogs are allowed in ground floor rooms but not in the restaurant.
pets: Yes, dogs are allowed in rooms on the ground floor.
pets: Cats are never accepted.
pets: Cats are not accepted.
pets: Please tell us before you arrive unless your dog is a guide dog.
pets: Dogs are not allowed in the restaurant.
backup: First stop the writer.
backup: Run `pg_dump -Fc -h db.internal -p 5432 shop > /var/backups/shop.dump` after stopping the writer.
backup: The dump is written to /var/backups/shop.dump.
backup: Backups that are older than 30 days are deleted automatically.
backup: Backups are deleted automatically after 30 days.
backup: Do not copy the data folder while the server is running.
backup: You should never copy the data folder while the server runs.
deploy: To deploy, push a tag such as v2.4.1 and wait for the pipeline.
deploy: Only maintainers are allowed to deploy on Fridays.
deploy: On Fridays only maintainers can deploy.
deploy: Roll back with `make rollback VERSION=v2.4.0`.
deploy: Set DEPLOY_ENV=production in the file /etc/shop/deploy.env.
limit: You can make 100 requests per minute and 10,000 per day.
limit: Requests above the limit get status 429.
limit: For a higher limit, ask Maria Lopez.
limit: A key expires after 90 days without use.
ssl: TLS 1.2 and TLS 1.3 are supported.
ssl: TLS 1.0 and 1.1 are not supported.
ssl: The supported TLS versions are 1.2 and 1.3.
ssl: On the first Monday of every month certificates are renewed.
frühstück: Frühstück gibt es im Wintergarten von 6:30 bis 10 Uhr.
frühstück: Kinder unter 6 Jahren müssen nichts zahlen.
frühstück: Sonntags ist das Restaurant geschlossen.
fumar: En las habitaciones no se puede fumar.
fumar: Hay una multa de 150 euros.
refund: Your refund arrives within 5 to 7 business days.
refund: Refunds take 5 to 7 business days to arrive.
refund: Shipping costs are refunded only if the item was faulty.
refund: Shipping costs are only refunded if the item was faulty.
refund: Gift cards cannot be refunded.
refund: You can't get a refund for gift cards.
member: Members get early access to sales and free shipping on orders over $35.
member: Orders over $35 ship free for members.
member: The membership is $49 per year and renews automatically unless you cancel by 1 March.
member: You cannot share it with friends.
member: The membership cannot be shared with friends.
member: Unless you cancel by March 1, the membership renews automatically.
"""


def told(lines: str) -> list[tuple[str, str]]:
    return [(entry, said) for line in lines.strip().splitlines() for entry, _, said in [line.partition(": ")]]


@pytest.mark.parametrize(("entry", "said"), told(CHANGED))
def test_a_changed_fact_is_told_from_what_the_entry_says(entry: str, said: str) -> None:
    verifier = Verifier({1: ENTRIES[entry]}, asked=ENTRIES[entry].question)
    assert verifier.judge(said).sentence.support is Support.UNMATCHED


@pytest.mark.parametrize(("entry", "said"), told(SUPPORTED))
def test_the_same_in_other_words_is_supported(entry: str, said: str) -> None:
    verifier = Verifier({1: ENTRIES[entry]}, asked=ENTRIES[entry].question)
    assert verifier.judge(said).sentence.support is not Support.UNMATCHED
