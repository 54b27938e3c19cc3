"""A week of questions to the sample FAQ, with gaps that are known: each topic is asked in several ways."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

TOPICS: Mapping[str, Sequence[str]] = {
    "invoice": [
        "Where do I get the invoice for my last payment?",
        "Can you send me an invoice for March?",
        "I need an invoice with our VAT number on it",
        "How can I download past invoices?",
        "invoice as PDF",
        "My accountant wants the invoices of this year",
    ],
    "mobile app": [
        "Is there a mobile app for Android or iPhone?",
        "Can I install a mobile app from the App Store?",
        "Do you plan an iPhone app?",
        "Android app of this service?",
        "I would like to use it as an app on my phone",
        "Where can I find the mobile app?",
    ],
    "single sign-on": [
        "Can our staff sign in with single sign-on?",
        "How do we connect single sign-on with Okta?",
        "Is SAML single sign-on supported?",
        "Set up SAML with Azure Active Directory",
        "Does sign-on work with our Okta directory?",
        "We need SAML for our employees' sign-on",
    ],
    "newsletter": [
        "How do I unsubscribe from the newsletter?",
        "Please take me off your newsletter list",
        "I still receive the newsletter after I unsubscribed",
        "Where can I subscribe to the newsletter?",
        "How often is the newsletter sent?",
        "Stop sending me the newsletter",
    ],
    "refund": [
        "How do I get a refund for a cancelled order?",
        "When will my refund arrive on my card?",
        "I want my money back, is a refund possible?",
        "Is a refund given after thirty days?",
        "My refund has not been paid yet",
        "Refund policy for digital orders",
    ],
    "delete account": [
        "How do I delete my user account?",
        "Please delete my account and my profile",
        "Can an account be deleted for good?",
        "I want to close and delete my account",
        "What happens when I delete my account?",
        "Deleting a user profile",
    ],
    "voice": [
        "Can I speak my question instead of typing it?",
        "Is there voice input with a microphone?",
        "Does it understand speech from a microphone?",
        "Voice recognition for spoken questions",
        "Can it read answers aloud with a voice?",
        "I want to talk to it by voice",
    ],
    "slack": [
        "Is there a Slack bot?",
        "How do I add a bot to our Slack workspace?",
        "Can people in Slack channels get answers?",
        "Slack integration for our team channel",
        "Connect this with Slack",
        "Does a Slack slash command exist?",
    ],
    "teams": [
        "Does it work inside Microsoft Teams meetings?",
        "How can I add it to Microsoft Teams?",
        "Teams tab for our Microsoft 365 tenant",
        "Microsoft Teams integration",
        "Publish it as a Teams app",
        "Will Microsoft Teams users see it?",
    ],
    "delivery": [
        "When will my parcel be delivered?",
        "How long does delivery to Norway take?",
        "My parcel has been lost by the courier",
        "Track the delivery of my parcel",
        "Can the courier deliver on Saturday?",
        "Delivery address of a parcel is wrong",
    ],
    "student discount": [
        "Is there a discount for students?",
        "Do students pay a lower price?",
        "Student discount code",
        "I am a student, which discount do I get?",
        "Does a university get an education discount?",
        "How do I prove that I am a student for the discount?",
    ],
    "gift card": [
        "Can I buy a gift card?",
        "How do I redeem a gift card?",
        "My gift card code is not accepted",
        "Does a gift card expire?",
        "Gift cards for colleagues at Christmas",
        "Check the balance of my gift card",
    ],
    "password": [
        "I forgot my password, how do I reset it?",
        "Reset my login password",
        "The password reset mail does not arrive",
        "How can I change my password?",
        "My new password is refused at login",
        "Link to reset a forgotten password",
    ],
    "opening hours": [
        "What are your opening hours?",
        "Is the office open on Sunday?",
        "When does the shop open in the morning?",
        "Opening hours over the holidays",
        "Are you open on public holidays?",
        "Until when is the office open today?",
    ],
    "translation": [
        "Can it translate French contracts to Japanese?",
        "Translate a document from Spanish",
        "Does it offer machine translation of letters?",
        "I want to translate my contract",
        "How good is the translation to Japanese?",
        "Translation service for letters",
    ],
    "job": [
        "Are you hiring engineers?",
        "Which job openings do you have?",
        "How do I apply for a job?",
        "Do you offer internships for the summer?",
        "Job application as an engineer",
        "Where do I send my CV for a job?",
    ],
    "calendar": [
        "How do I sync my Google calendar?",
        "Can meetings from Outlook calendar be imported?",
        "Calendar sync does not show my meetings",
        "Add an event to my calendar",
        "Does the calendar support time zones for meetings?",
        "Share my calendar with a colleague",
    ],
    "printer": [
        "Which printer driver do I need?",
        "My printer does not print in colour",
        "How do I connect a wireless printer?",
        "The printer says paper jam",
        "Install the printer on a laptop",
        "Scan with the office printer",
    ],
    "video call": [
        "How do I record a video call?",
        "My camera is black in a video call",
        "How many people can join a video call?",
        "Video call with screen sharing",
        "Blur the background in a video call",
        "No sound in the video call",
    ],
    "tax": [
        "Which tax rate applies in Switzerland?",
        "How is sales tax calculated on my order?",
        "Are we exempt from sales tax as a charity?",
        "Tax certificate for last year",
        "Do prices include tax?",
        "Where do I enter our tax exemption?",
    ],
    "holiday": [
        "How many vacation days do employees get?",
        "How do I request vacation in July?",
        "Do unused vacation days expire?",
        "Who approves my vacation request?",
        "Vacation days for part-time employees",
        "Can vacation be taken by the hour?",
    ],
    "parking": [
        "Where can visitors park their car?",
        "Is there a parking permit for employees?",
        "Parking garage opening and fees",
        "How do I reserve a parking space?",
        "My car was towed from the parking lot",
        "Is parking for electric cars free?",
    ],
    "wifi": [
        "What is the wifi password for guests?",
        "The guest wifi is very slow",
        "How do I connect my laptop to the wifi?",
        "Wifi does not reach the third floor",
        "Guests cannot join the wifi",
        "wifi name of the office",
    ],
    "cafeteria": [
        "What is on the cafeteria menu today?",
        "Does the cafeteria have vegan lunch?",
        "How do I pay in the cafeteria?",
        "Cafeteria lunch prices",
        "Is lunch in the cafeteria free for guests?",
        "Until when does the cafeteria serve lunch?",
    ],
}
_BEFORE = ("", "", "", "Hi, ", "Hello! ", "Sorry, ", "please: ", "quick one, ")
_AFTER = ("", "", "", " Thanks", " please", " ??", " Thank you!")
_ALONE = (
    "Which spices go into a good goulash?",
    "Who won the chess world cup in 1986?",
    "How tall is the highest lighthouse on earth?",
    "Why do cats purr at night?",
    "When were the first stamps sold in Bavaria?",
    "Do penguins have knees?",
    "How is marble quarried in Carrara?",
    "Which tree grows fastest in sandy soil?",
    "What is the capital of Mongolia?",
    "How deep is the Baltic Sea near Gotland?",
)


@dataclass(frozen=True, slots=True)
class Asked:
    question: str
    topic: str | None  # of the gap; None: a question of its own


def week(known: Sequence[str], number: int = 2_000, seed: int = 15) -> Iterator[Asked]:
    """`known`: questions that the FAQ answers. A third is about the gaps, about popular ones more."""
    chance = random.Random(seed)
    topics = list(TOPICS)
    popularity = [1 / (1 + place / 6) for place in range(len(topics))]
    for _ in range(number):
        kind = chance.random()
        if kind < 0.33:
            (topic,) = chance.choices(topics, popularity)
            yield Asked(_said(chance.choice(TOPICS[topic]), chance), topic)
        elif kind < 0.36:
            yield Asked(chance.choice(_ALONE), None)
        else:
            yield Asked(_said(chance.choice(known), chance), None)


def _said(question: str, chance: random.Random) -> str:
    """As somebody else would type it: with a greeting, in small letters, with two letters exchanged."""
    if chance.random() < 0.15:
        question = question.lower()
    if chance.random() < 0.1:
        at = chance.randrange(3, len(question) - 3)
        question = question[:at] + question[at + 1] + question[at] + question[at + 2 :]
    return chance.choice(_BEFORE) + question + chance.choice(_AFTER)
