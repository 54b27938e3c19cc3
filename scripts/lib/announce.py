"""Prints a request to try, once the server that `scripts/run` becomes is ready.

usage: announce.py HOST PORT PID
"""

import http.client
import json
import os
import sys
import time

# Not word for word an entry's question, which would be answered without the model.
QUESTION = "Which Python do I need to run askd?"


def main() -> None:
    host, port, pid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if host in ("0.0.0.0", "::"):  # noqa: S104 (it listens on all addresses; any of them will do)
        host = "localhost"
    while os.getppid() == pid:  # until scripts/run ends
        if is_ready(host, port):
            shown = f"[{host}]" if ":" in host else host
            body = json.dumps({"question": QUESTION})
            sys.stdout.write(
                f"\naskd is ready. Ask in a browser at http://{shown}:{port}/, or try:\n\n"
                f"curl -s http://{shown}:{port}/ask -H 'content-type: application/json' -d '{body}'\n\n"
            )
            return
        time.sleep(0.5)


def is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
