"""Ollama's address, as other tools want it and as its own API has it."""

import re

API_PATH = re.compile(r"/(?:v1|api)(?:/.*)?$")  # not part of the address of Ollama itself
