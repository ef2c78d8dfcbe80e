"""How long does a request take, with 1, 8 and 32 clients that ask one after the other?

    python latency.py URL TEXTS.jsonl [--clients 1 8 32] [--requests 500] [--json FILE]

Each request has one text. Prints the median and the 99th percentile in milliseconds, and requests per second.
Each client begins with a few requests that aren't counted.
"""

import argparse
import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WARM_UP = 5


def ask(host: str, texts: list[str]) -> list[float]:
    """Ask for each text in turn, on one connection.

    RETURNS (list[float]): Seconds of each request.
    """
    connection = http.client.HTTPConnection(host, timeout=60)
    seconds = []
    for text in texts:
        body = json.dumps({"texts": [text]})
        start = time.perf_counter()
        connection.request("POST", "/classify", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        seconds.append(time.perf_counter() - start)
        if response.status != 200:
            raise RuntimeError(f"The server answered {response.status}.")
    return seconds


def measure(host: str, texts: list[str], clients: int, requests: int) -> dict[str, Any]:
    """Let clients ask at once, for so many texts together."""
    each = max(1, requests // clients)
    shares = [list(islice(cycle(texts), n, n + each + WARM_UP)) for n in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda share: ask(host, share[:WARM_UP]), shares))
        start = time.perf_counter()
        found = [one for part in pool.map(lambda share: ask(host, share[WARM_UP:]), shares) for one in part]
        wall = time.perf_counter() - start
    return {
        "clients": clients,
        "requests": len(found),
        "median_ms": 1000 * statistics.median(found),
        "p99_ms": 1000 * statistics.quantiles(found, n=100, method="inclusive")[98],
        "requests_per_second": len(found) / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    lines = arguments.texts.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines if line.strip()]
    host = urlsplit(arguments.url).netloc
    rows = [measure(host, texts, clients, arguments.requests) for clients in arguments.clients]
    print("| clients | median, ms | 99th percentile, ms | requests per second |\n|---:|---:|---:|---:|")
    for row in rows:
        figures = f"{row['median_ms']:.1f} | {row['p99_ms']:.1f} | {row['requests_per_second']:.0f}"
        print(f"| {row['clients']} | {figures} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
