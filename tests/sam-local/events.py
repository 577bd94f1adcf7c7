"""Gives each documented event to its function with `sam local invoke`, and compares the answer with
infra/events/README.md: `events.py URL SAM...`, with the URL of a local stack that feeds no function
and the command up to the function's name."""

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

from samtranslator.yaml_helper import yaml_parse

EVENTS = Path("infra/events/README.md")
TEMPLATE = Path("template.yaml")


def read(url):
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)


def promised():
    """Each row of the table: the function, the status of an answer over HTTP, what is in it at least."""
    for line in EVENTS.read_text().splitlines():
        if line.startswith("| `"):
            function, _, answer = [cell.strip() for cell in line.split("|")][1:4]
            status, _, body = answer.strip("`").partition(" ")
            if not status.isdigit():
                status, body = None, answer.strip("`")
            yield function.strip("`"), status and int(status), json.loads(body)


def holds(given, wanted):
    """Whether all of `wanted` is in `given`."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return all(name in given and holds(given[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list) and isinstance(given, list):
        return len(given) == len(wanted) and all(map(holds, given, wanted))
    return given == wanted


def invoke(sam, function, event):
    ran = subprocess.run(
        [sam[0], *sam[1:3], function, "--event", "-", *sam[3:]],
        input=json.dumps(event),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, f"{function}: sam ended with {ran.returncode}:\n{ran.stderr}"
    # A record that cannot be read is no failure of its batch.
    assert '"level":"ERROR"' not in ran.stderr, f"{function}:\n{ran.stderr}"
    return json.loads(ran.stdout.strip().splitlines()[-1])


def did(url, function):
    """Checks what the table says that it did."""
    if function == "dispatch":
        jobs = read(f"{url}/_local/messages")["queues"]["overture-SendQueue"]
        assert len(jobs) == 2, jobs
    if function == "send":
        pushes = read(f"{url}/_local/pushes?account=demo")
        assert sorted(push["gateway"] for push in pushes) == ["apns", "fcm"], pushes
    if function == "deliver":
        told = read(f"{url}/_local/webhooks")
        assert [one["status"] for one in told] == [204], told


def main(url, sam):
    resources = yaml_parse(TEMPLATE.read_text())["Resources"]
    names = {
        one["Metadata"]["BuildProperties"]["Binary"]: name
        for name, one in resources.items()
        if one["Type"] == "AWS::Serverless::Function"
    }
    rows = list(promised())
    assert sorted(names) == sorted(function for function, _, _ in rows), "a function has no event"
    for function, status, wanted in rows:
        began = time.monotonic()
        answer = invoke(sam, names[function], read(f"{url}/_local/events/{function}"))
        if status:
            assert answer.get("statusCode") == status, f"{function}: {answer}"
            answer = json.loads(answer["body"])
        assert holds(answer, wanted), f"{function}: {answer} has no {wanted}"
        did(url, function)
        print(f"{function:16} {time.monotonic() - began:5.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
