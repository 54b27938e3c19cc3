"""How much memory reading a large FAQ file takes, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import resource, sys
from pathlib import Path
from app.ingest.survey import survey

found = survey([Path(sys.argv[1])], collection=None, strict=False)
assert sum(1 for _ in found.entries()) == found.read == int(sys.argv[2])
try:  # ru_maxrss would count what this process inherited from the one that started it
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
except FileNotFoundError:  # macOS, where nothing is inherited and the unit is bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // 2**20)
"""


def peak_of_ingest(folder: Path, *, entries: int, sentences: int) -> int:
    """The peak in MiB while a file of so many entries, with answers of 39 characters a sentence, is read."""
    path = folder / "faq.json"
    answer = "Read the chapter on this, then try it. " * sentences
    with path.open("w") as file:
        file.write('[{"course": "large", "documents": [')
        for number in range(entries):
            record = {"id": number, "question": f"What is number {number}?", "text": f"{number}: {answer}"}
            file.write(("," if number else "") + json.dumps(record))
        file.write("]}]")
    command = [sys.executable, "-c", _PROGRAM, str(path), str(entries)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
