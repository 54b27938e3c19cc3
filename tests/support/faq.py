"""A FAQ small enough to know by heart."""

from app.domain import FaqEntry

JOIN = FaqEntry(
    "join", "course", "Can I still join the course?", "Yes, you can join at any time. Homework has deadlines."
)
REFUND = FaqEntry(
    "refund",
    "course",
    "Can I get a refund?",
    "Yes, within thirty days of paying.",
    url="https://example.org/r",
)
DOCKER = FaqEntry(
    "docker",
    "tools",
    "How do I install Docker?",
    "Install the package docker.io. Then start dockerd.",
    "Setup",
)
CERTIFICATE = FaqEntry(
    "certificate", "course", "When do I get my certificate?", "After you finished two projects."
)
FAQ = [JOIN, REFUND, DOCKER, CERTIFICATE]
