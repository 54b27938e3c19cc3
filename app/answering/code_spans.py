"""Code in Markdown text. Pure."""

import re

# Fenced blocks, of which the last may be unfinished, and spans on one line.
CODE = re.compile(r"```.*?(?:```|\Z)|(?<!`)`[^`\n]+`(?!`)", re.DOTALL)
