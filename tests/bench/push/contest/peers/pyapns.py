"""A sender of the contest: pyapns-client, as its documentation has it. See ../sender.rs.

It sends one message after the other; what is in flight at once are threads with a client each.
"""

import json
import sys
import threading
import time
import uuid

from pyapns_client import APNSClient, IOSNotification, IOSPayload, IOSPayloadAlert

# More threads than this wait for the interpreter, not for the gateway.
MOST_THREADS = 10


class Client(APNSClient):
    """Apple's gateway is at home here; the port stays."""

    BASE_URLS = {APNSClient.MODE_PROD: "https://localhost:443"}


def main():
    with open(sys.argv[1]) as file:
        target = json.load(file)
    clients = [
        Client(APNSClient.MODE_PROD, target["ca"], target["key"], target["keyId"], target["teamId"])
        for _ in range(MOST_THREADS)
    ]
    print("ready", flush=True)
    for line in sys.stdin:
        in_flight, millis, first = map(int, line.split())
        threads = min(in_flight, MOST_THREADS)
        results = [None] * threads
        began = time.perf_counter()

        def work(index):
            accepted = failed = 0
            device = first + index
            while time.perf_counter() < began + millis / 1000:
                try:
                    send(clients[index], target, f"{device:064x}")
                    accepted += 1
                except Exception:
                    failed += 1
                device += threads
            results[index] = accepted, failed

        workers = [threading.Thread(target=work, args=[index]) for index in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - began
        accepted, failed = map(sum, zip(*results))
        print(json.dumps({"accepted": accepted, "failed": failed, "seconds": seconds}), flush=True)


def send(client, target, device):
    message = str(uuid.uuid4())
    alert = IOSPayloadAlert(title=target["title"], body=target["body"])
    custom = {**target["custom"], "transactionId": message}
    payload = IOSPayload(alert=alert, sound="default", custom=custom)
    notification = IOSNotification(
        payload=payload,
        topic=target["topic"],
        apns_id=message,
        collapse_id=message,
        expiration=str(target["expiration"]),
        priority="10",
        push_type="alert",
    )
    client.push(notification, device)


main()
