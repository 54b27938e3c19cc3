"""An entry that means harm."""

from app.domain import FaqEntry

IMAGE = "<img src=x onerror=alert(1)>"
ENTRY = FaqEntry(
    id=IMAGE,
    collection="hostile",
    section=IMAGE,
    question=f"What does the entry about penguins say? {IMAGE}",
    answer="<script>alert(1)</script> <img src=x onerror=alert(2)> [a link](javascript:alert(3)) "
    "<javascript:alert(4)> ![picture](data:text/html,<script>alert(5)</script>) "
    "[two](data:text/html;base64,PHNjcmlwdD4=) [three](JaVaScRiPt:alert(6)) [four](//evil.example) "
    '<a href="javascript:alert(7)" onclick="alert(8)">penguins</a> '
    "![tracker](https://evil.example/pixel.png) "
    "[&#106;](&#106;avascript:alert(9)) <svg><style>*{background:red}</style></svg>",
    url="javascript:alert(10)",
)
