"""Sentences a model might write on eleven entries, by hand: one fact or role changed, or in other words."""

import pytest

from app.answering.checks.verification import Verifier
from app.domain import FaqEntry, Support

TOLD = {
    "returns": (
        "Can I return an opened item?",
        "You can send back opened items within 30 days of purchase. The refund arrives up to 14 days "
        "later. Shipping costs of 4.99 EUR are not refunded.",
    ),
    "server": (
        "How do I run the server?",
        "Start version v1.2 with `serve --port 8080 --quiet` on host db.example.org. The log is in "
        "/var/log/serve/access.log. Write to help@example.org if it fails. The server never deletes files"
        " unless you pass --prune.",
    ),
    "office": (
        "When is the office open?",
        "The office is open from Monday to Friday, 9 to 17 o'clock. Appointments take at least 45 minutes"
        " and must be booked before noon. Only members can bring a guest, except on Fridays.",
    ),
    "backup": (
        "How often does the backup run?",
        "The backup runs every 6 hours and takes 20 to 30 minutes. The scheduler starts the worker after "
        "the database is ready. You need Docker and Git. Linux or macOS is required; Windows is not "
        "supported.",
    ),
    "homework": (
        "Who reviews a homework?",
        "Students review the homework of three other students. The teacher grades the project. Results "
        "are published two weeks after the deadline. You can no longer submit after that. Podman works as"
        " well as Docker on Linux.",
    ),
    "versand": (
        "Wie lange dauert der Versand?",
        "Der Versand dauert bis zu 5 Werktage. Bestellungen ab 50 Euro sind versandkostenfrei. Pakete "
        "können nur mit Ausweis abgeholt werden. Am Montag ist die Filiale geschlossen.",
    ),
    "rückgabe": (
        "Kann ich einen Artikel zurückgeben?",
        "Sie können Artikel innerhalb von 14 Tagen zurückgeben, außer wenn sie reduziert waren. Die "
        "Erstattung erfolgt mindestens 3 Tage nach Eingang. Ohne Rechnung ist keine Rückgabe möglich. Der"
        " Kunde bezahlt die Rücksendung, der Händler die Hinsendung.",
    ),
    "passwort": (
        "Wie ändere ich mein Passwort?",
        "Öffnen Sie die Einstellungen und klicken Sie auf Passwort ändern. Das neue Passwort muss 12 bis "
        "20 Zeichen lang sein. Der Link gilt 30 Minuten. Vor der Änderung müssen Sie sich anmelden.",
    ),
    "gym": (
        "Can I pause my membership?",
        "You can pause your membership for up to three months per year. Send the form to desk@gym.example"
        " by the 15th of the month. Paused months are not billed, but the locker fee of 5 EUR stays due. "
        "Students and seniors get 20 % off. The sauna opens at 7:30, the pool at 9:00. Children under 12 "
        "may swim only with an adult.",
    ),
    "api": (
        "How do I limit requests?",
        "Set RATE_LIMIT=60 in /etc/api/limits.yaml and restart with `systemctl restart api`. Requests "
        "over the limit get status 429 and must wait 30 seconds. The limit counts per key, not per "
        "address. Version 2.4 or later is needed. Redis stores the counters; Postgres keeps the keys. "
        "Before version 2.0 the file was JSON.",
    ),
    "bücherei": (
        "Wie lange kann ich Bücher ausleihen?",
        "Bücher können vier Wochen ausgeliehen und zweimal verlängert werden. Zeitschriften dürfen nicht "
        "ausgeliehen werden. Die Mahngebühr beträgt 0,50 Euro pro Tag und Buch. Geöffnet ist dienstags "
        "bis samstags von 10 bis 18 Uhr. Kinder brauchen die Unterschrift der Eltern, Erwachsene einen "
        "Ausweis. Erst nach der Anmeldung gibt es das WLAN-Passwort.",
    ),
}
ENTRIES = {key: FaqEntry(key, "c", question, answer) for key, (question, answer) in TOLD.items()}
CHANGED = [
    ("gym", "Send the form to desk@gym.example by the 25th of the month."),
    ("gym", "Send the form to desk@gym.example after the 15th of the month."),
    ("gym", "The locker fee of 5 EUR is not due."),
    ("gym", "The locker fee of 5 USD stays due."),
    ("gym", "The sauna opens at 9:00, the pool at 7:30."),
    ("gym", "The sauna closes at 7:30."),
    ("gym", "Children over 12 may swim only with an adult."),
    ("api", "Set RATE_LIMIT=60 in /etc/api/limits.json."),
    ("api", "Restart it with systemctl reload api."),
    ("api", "Requests under the limit get status 429."),
    ("api", "The limit counts per address, not per key."),
    ("api", "Version 2.4 or earlier is needed."),
    ("api", "Postgres stores the counters."),
    ("api", "After version 2.0 the file was JSON."),
    ("api", "The limit protects the database from attacks."),
    ("bücherei", "Bücher können vier Wochen ausgeliehen und dreimal verlängert werden."),
    ("bücherei", "Zeitschriften können vier Wochen ausgeliehen werden."),
    ("bücherei", "Die Mahngebühr beträgt 0,50 Euro pro Woche und Buch."),
    ("bücherei", "Geöffnet ist montags bis samstags von 10 bis 18 Uhr."),
    ("bücherei", "Geschlossen ist dienstags bis samstags."),
    ("bücherei", "Erwachsene brauchen die Unterschrift der Eltern."),
    ("bücherei", "Auch ohne Anmeldung gibt es das WLAN-Passwort."),
    ("returns", "You can send back opened items within twenty days of purchase."),
    ("returns", "You can send back opened items within three hundred days of purchase."),
    ("returns", "The refund arrives at least 14 days later."),
    ("returns", "The refund arrives 14 to 30 days later."),
    ("returns", "Shipping costs of 4.99 USD are not refunded."),
    ("returns", "Shipping costs of £4.99 are not refunded."),
    ("returns", "Shipping costs of 4.99 EUR are refunded."),
    ("returns", "You can no longer send back opened items within 30 days of purchase."),
    ("returns", "You can never send back opened items within 30 days of purchase."),
    ("returns", "You can send back items within 30 days of purchase, except opened items."),
    ("returns", "You can only send back opened items within 30 days of purchase."),
    ("returns", "The refund arrives up to 14 weeks later."),
    ("returns", "The refund arrives up to 14 days earlier."),
    ("server", "Start version v1.3 with `serve --port 8080 --quiet`."),
    ("server", "Start version 2 with `serve --port 8080 --quiet`."),
    ("server", "Start version v1.2 with serve --port 8081."),
    ("server", "Start version v1.2 on port 9090."),
    ("server", "Start version v1.2 with `serve --port 8080 --verbose`."),
    ("server", "It runs on host db.example.com."),
    ("server", "The log is in /var/log/serve/error.log."),
    ("server", "The log is in /var/serve/access.log."),
    ("server", "Write to support@example.org if it fails."),
    ("server", "Write to help@example.org if it works."),
    ("server", "The server deletes files unless you pass --prune."),
    ("server", "The server never deletes files if you pass --prune."),
    ("server", "The server never deletes files, even if you pass --prune."),
    ("server", "The server always deletes files when you pass --prune."),
    ("office", "The office is open from Monday to Saturday, 9 to 17 o'clock."),
    ("office", "The office is open from Tuesday to Friday."),
    ("office", "The office is open from 9 to 19 o'clock."),
    ("office", "Appointments take at most 45 minutes."),
    ("office", "Appointments take 45 hours."),
    ("office", "Appointments must be booked after noon."),
    ("office", "Members can bring a guest on Fridays."),
    ("office", "Everyone can bring a guest, except on Fridays."),
    ("office", "Only members can bring a guest, even on Fridays."),
    ("office", "Only guests can bring a member, except on Fridays."),
    ("office", "Members can bring a guest, except on Fridays."),
    ("backup", "The backup runs every 6 minutes."),
    ("backup", "The backup runs every 6 hours and takes 30 to 40 minutes."),
    ("backup", "The backup runs six times a day."),
    ("backup", "The worker starts the scheduler after the database is ready."),
    ("backup", "The scheduler starts the worker before the database is ready."),
    ("backup", "You need Docker or Git."),
    ("backup", "You need Docker and Podman."),
    ("backup", "Linux and macOS are required."),
    ("backup", "Linux is not supported; Windows is required."),
    ("backup", "Windows or macOS is required; Linux is not supported."),
    ("homework", "The teacher reviews the homework of three other students."),
    ("homework", "Students grade the project."),
    ("homework", "Students review the homework of two other students."),
    ("homework", "Results are published two days after the deadline."),
    ("homework", "Results are published two weeks before the deadline."),
    ("homework", "You can still submit after that."),
    ("homework", "You can submit after that."),
    ("homework", "Docker works as well as Podman on Windows."),
    ("homework", "Podman works instead of Docker on Linux."),
    ("versand", "Der Versand dauert mindestens 5 Werktage."),
    ("versand", "Der Versand dauert bis zu 7 Werktage."),
    ("versand", "Der Versand dauert bis zu fünfzehn Werktage."),
    ("versand", "Der Versand dauert bis zu 5 Wochen."),
    ("versand", "Bestellungen bis 50 Euro sind versandkostenfrei."),
    ("versand", "Bestellungen unter 50 Euro sind versandkostenfrei."),
    ("versand", "Bestellungen ab 50 Dollar sind versandkostenfrei."),
    ("versand", "Bestellungen ab 50 Euro sind nicht versandkostenfrei."),
    ("versand", "Pakete können ohne Ausweis abgeholt werden."),
    ("versand", "Pakete können auch ohne Ausweis abgeholt werden."),
    ("versand", "Am Dienstag ist die Filiale geschlossen."),
    ("versand", "Am Montag ist die Filiale geöffnet."),
    ("rückgabe", "Sie können Artikel innerhalb von 40 Tagen zurückgeben."),
    ("rückgabe", "Sie können Artikel innerhalb von vierzig Tagen zurückgeben."),
    ("rückgabe", "Sie können Artikel innerhalb von 14 Tagen zurückgeben, auch wenn sie reduziert waren."),
    ("rückgabe", "Sie können Artikel nicht innerhalb von 14 Tagen zurückgeben."),
    ("rückgabe", "Sie können Artikel nie zurückgeben."),
    ("rückgabe", "Die Erstattung erfolgt höchstens 3 Tage nach Eingang."),
    ("rückgabe", "Die Erstattung erfolgt mindestens 3 Tage vor Eingang."),
    ("rückgabe", "Ohne Rechnung ist eine Rückgabe möglich."),
    ("rückgabe", "Mit Rechnung ist keine Rückgabe möglich."),
    ("rückgabe", "Der Händler bezahlt die Rücksendung, der Kunde die Hinsendung."),
    ("rückgabe", "Der Händler bezahlt die Rücksendung."),
    ("passwort", "Das neue Passwort muss 12 bis 30 Zeichen lang sein."),
    ("passwort", "Das neue Passwort muss 20 bis 12 Zeichen lang sein."),
    ("passwort", "Der Link gilt 30 Stunden."),
    ("passwort", "Nach der Änderung müssen Sie sich anmelden."),
    ("passwort", "Vor der Änderung müssen Sie sich nicht anmelden."),
    ("passwort", "Das alte Passwort muss 12 bis 20 Zeichen lang sein."),
    ("versand", "Mit Ausweis können Pakete abgeholt werden."),
    ("rückgabe", "Artikel können Sie innerhalb von 14 Tagen zurückgeben."),
]
SUPPORTED = [
    ("gym", "Seniors get 20 % off."),
    ("gym", "At 7:30 the sauna opens and at 9:00 the pool."),
    ("api", "Put RATE_LIMIT=60 into /etc/api/limits.yaml, then run `systemctl restart api`."),
    ("api", "Status 429 means that you must wait 30 seconds."),
    ("api", "The counters are stored in Redis, the keys in Postgres."),
    ("bücherei", "Bücher können zwei Mal verlängert werden."),
    ("bücherei", "Zeitschriften können nicht ausgeliehen werden."),
    ("bücherei", "Von Dienstag bis Samstag ist von 10 bis 18 Uhr geöffnet."),
    ("bücherei", "Das WLAN-Passwort gibt es erst nach der Anmeldung."),
    ("returns", "Opened items can be sent back within 30 days of purchase."),
    ("returns", "Within thirty days of purchase, you can send back opened items."),
    ("returns", "Refunds arrive up to 14 days later."),
    ("returns", "The refund takes up to 14 days."),
    ("server", "Use `serve --port 8080 --quiet` to start version v1.2."),
    ("server", "Files are never deleted unless you pass --prune."),
    ("office", "The office opens Monday to Friday from 9 to 17 o'clock."),
    ("office", "You must book appointments before noon."),
    ("office", "Appointments take 45 minutes or more."),
    ("office", "Except on Fridays, only members can bring a guest."),
    ("backup", "Every 6 hours the backup runs, and it takes 20 to 30 minutes."),
    ("backup", "Windows is not supported."),
    ("backup", "Once the database is ready, the scheduler starts the worker."),
    ("homework", "The homework of three other students is reviewed by students."),
    ("homework", "Two weeks after the deadline, results are published."),
    ("homework", "On Linux, Podman works as well as Docker."),
    ("versand", "Bis zu 5 Werktage dauert der Versand."),
    ("versand", "Der Versand dauert bis zu fünf Werktage."),
    ("versand", "Ab 50 Euro sind Bestellungen versandkostenfrei."),
    ("versand", "Pakete können Sie nur mit Ausweis abholen."),
    ("versand", "Die Filiale ist am Montag geschlossen."),
    ("versand", "Montags ist die Filiale geschlossen."),
    ("versand", "Versandkostenfrei sind Bestellungen ab 50 Euro."),
    ("rückgabe", "Innerhalb von 14 Tagen können Sie Artikel zurückgeben, außer wenn sie reduziert waren."),
    ("rückgabe", "Artikel können innerhalb von 14 Tagen zurückgegeben werden."),
    ("rückgabe", "Eine Rückgabe ist ohne Rechnung nicht möglich."),
    ("rückgabe", "Die Rücksendung bezahlt der Kunde, die Hinsendung der Händler."),
    ("rückgabe", "Die Rücksendung bezahlt der Kunde."),
    ("rückgabe", "Mindestens 3 Tage nach Eingang erfolgt die Erstattung."),
    ("passwort", "Klicken Sie in den Einstellungen auf Passwort ändern."),
    ("passwort", "30 Minuten gilt der Link."),
    ("passwort", "Der Link ist 30 Minuten gültig."),
    ("passwort", "12 bis 20 Zeichen lang muss das neue Passwort sein."),
    ("passwort", "Sie müssen sich vor der Änderung anmelden."),
    ("passwort", "Ihr neues Passwort muss 12 bis 20 Zeichen lang sein."),
    ("passwort", "Das Passwort muss 12 bis 20 Zeichen lang sein."),
]

# An entry in German, and the same in another order or with another noun.
GERMAN = [
    ("Rechnungen finden Kunden im Konto.", "Kunden finden Rechnungen im Konto."),
    ("Mahnungen und Rechnungen stehen im Archiv.", "Rechnungen und Mahnungen stehen im Archiv."),
    ("Pakete verschicken wir mit DHL.", "Mit DHL verschicken wir Pakete."),
    ("Die Abholung ist kostenlos.", "Die Abholung im Laden ist kostenlos."),
    ("Das Geld kommt per Überweisung.", "Erstattungen kommen per Überweisung, das Geld ist da."),
    ("Gutscheine gelten drei Jahre.", "Gutscheine gelten 3 Jahre lang."),
]
OTHER = (
    "Die Erstattung und die Abholung regelt der Laden. Wir nehmen auch Gutscheine und Rechnungen von Kunden."
)


def support(key: str, sentence: str) -> Support:
    """Against the entry and three others, as they stand in a prompt."""
    others = [entry for other, entry in ENTRIES.items() if other != key][:3]
    entries = dict(enumerate([ENTRIES[key], *others], start=1))
    return Verifier(entries, asked=ENTRIES[key].question).judge(sentence).sentence.support


@pytest.mark.parametrize(("key", "sentence"), CHANGED)
def test_a_changed_fact_or_role_is_not_supported(key: str, sentence: str) -> None:
    assert support(key, sentence) is Support.UNMATCHED


@pytest.mark.parametrize(("key", "sentence"), SUPPORTED)
def test_the_same_in_other_words_is_supported(key: str, sentence: str) -> None:
    assert support(key, sentence) is not Support.UNMATCHED


@pytest.mark.parametrize(("answer", "sentence"), GERMAN)
def test_word_order_and_nouns_of_german_are_no_changed_facts(answer: str, sentence: str) -> None:
    entries = {
        1: FaqEntry("1", "c", "Was gilt hier?", answer),
        2: FaqEntry("2", "c", "Was gilt dort?", OTHER),
    }
    assert Verifier(entries).judge(sentence).sentence.support is not Support.UNMATCHED


def test_a_name_in_the_place_of_another_is_found_behind_a_pronoun() -> None:
    answer = "askd knows S3 and EC2. It runs its nightly jobs on EC2 and keeps every log file of them."
    entry = FaqEntry("jobs", "c", "Where do the jobs run?", answer)
    said = "askd runs its nightly jobs on S3 and keeps every log file of them."
    assert Verifier({1: entry}).judge(said).sentence.support is Support.UNMATCHED


@pytest.mark.parametrize("sign", ["❷", "⓵", "9" * 5_000])
def test_digits_that_are_no_number_are_read_as_words(sign: str) -> None:
    entry = FaqEntry(
        "page", "c", "How?", f"{sign} Open the page of the server and press the green button there."
    )
    said = "Then open the page of the server and press the green button there."
    assert Verifier({1: entry}).judge(said).sentence.support in Support


def test_thirty_is_a_number_in_german() -> None:
    entry = FaqEntry("frist", "c", "Wie lange gilt der Link?", "Der Link gilt 30 Tage.")
    assert Verifier({1: entry}).judge("Der Link gilt dreißig Tage.").sentence.support is Support.MATCHED
