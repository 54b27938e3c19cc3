"""One-shot set-up of the stack: three API keys for Elasticsearch, limited to askd's own indices.

The argument is the folder of secrets. A key that still works is kept, so this may run any number of times.
"""

import base64
import http.client
import json
import os
import sys
from pathlib import Path
from typing import Any

HOST = ("elasticsearch", 9200)
FAQ = ["askd", "askd-*"]
FEEDBACK = ["askd-feedback-*"]
KEYS = {
    # To search, and to see which version serves.
    "askd-read": (FAQ, ["read", "view_index_metadata"]),
    # To write new versions and switch to them.
    "askd-write": (FAQ, ["all"]),
    # To keep what became of questions, and what people say about the answers.
    "askd-feedback": (FEEDBACK, ["all"]),
}


def main(secrets: Path) -> None:
    password = (secrets / "elastic_password").read_text().strip()
    elastic = "Basic " + base64.b64encode(f"elastic:{password}".encode()).decode()
    for name, (indices, privileges) in KEYS.items():
        file = secrets / f"{name.replace('-', '_')}_key"
        if works(file):
            print(f"{name}: the key exists")
            continue
        call("DELETE", "/_security/api_key", elastic, {"name": name})  # revoke what nobody holds any more
        role = {"indices": [{"names": indices, "privileges": privileges}]}
        body = {"name": name, "role_descriptors": {name: role}}
        status, made = call("POST", "/_security/api_key", elastic, body)
        if status != 200:
            raise SystemExit(f"{name}: Elasticsearch refused to create a key (status {status}): {made}")
        file.write_text(made["encoded"])  # into the file that scripts/up made, with its owner and mode
        print(f"{name}: created a key")


def works(file: Path) -> bool:
    key = file.read_text().strip()
    return bool(key) and call("GET", "/_security/_authenticate", f"ApiKey {key}")[0] == 200


def call(method: str, path: str, authorization: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(*HOST, timeout=30)
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read() or b"null")


if __name__ == "__main__":
    os.umask(0o077)
    main(Path(sys.argv[1]))
