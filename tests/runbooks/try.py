"""Runs the commands of the runbooks, out of their pages, against a deployed stack on which the first
story was played: `try.py STACK TEMPLATE CONTROL_PORT SANDBOX_FOLDER REMOVAL`.

A page's blocks run in one shell, in their order, after those of the index. A block behind the words
"Not tried" is left out, and so is all that follows "Not tried, from here on". What came of a page
is checked here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import boto3

ROOT = Path(__file__).resolve().parents[2]
# Else version 1 of the CLI calls SQS by its old name, whatever the environment says.
HERE = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }'
PAGES = ROOT / "infra/docs/runbooks"
sys.path.insert(0, str(ROOT / "tests/deploy"))
import story  # noqa: E402  (it stands in another folder)


def blocks(page):
    """The shell blocks of a page that are tried, and how many are not."""
    tried, left_out, words, rest = [], 0, [], False
    lines = iter((PAGES / page).read_text().splitlines())
    for line in lines:
        if line.strip() != "```sh":
            words.append(line.strip())
            continue
        indent = len(line) - len(line.lstrip())
        block = []
        for line in lines:
            if line.strip() == "```":
                break
            block.append(line[indent:])
        said = " ".join(words)
        rest = rest or "Not tried, from here on" in said
        if rest or "Not tried" in said:
            left_out += 1
        else:
            tried.append("\n".join(block))
        words = []
    return tried, left_out


def gateway(deployed, template):
    """The API over HTTP, since the emulation makes no routes of it: its address."""
    routes = []
    for function, resource in json.loads(Path(template).read_text())["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "HttpApi":
                path = re.sub(r"{[^}]*}", "[^/]+", event["Properties"]["Path"])
                routes.append((event["Properties"]["Method"], re.compile(path), function))

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            function = next(
                function
                for method, path, function in routes
                if method == self.command and path.fullmatch(url.path)
            )
            headers = {name.lower(): value for name, value in self.headers.items()}
            event = story.http_event(
                "runbooks", self.command, url.path, url.query, headers, body
            )
            invoked = deployed.aws("lambda").invoke(
                FunctionName=deployed.resources[function], Payload=json.dumps(event)
            )
            told = json.loads(invoked["Payload"].read())
            content = (told.get("body") or "").encode()
            self.send_response(told.get("statusCode", 502))
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class Shell:
    """Where the commands run: a folder of their own, with the names that the pages leave open."""

    def __init__(self, folder, names):
        self.folder, self.names = folder, names
        self.before = "\n".join(blocks("README.md")[0])

    def run(self, page, **names):
        """Runs a page's commands; what they printed."""
        tried, left_out = blocks(page)
        assert tried, page
        script = "\n".join(["set -euo pipefail", HERE, self.before, *tried])
        began = time.monotonic()
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env={**os.environ, **self.names, **names},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        said = ran.stdout + ran.stderr
        assert ran.returncode == 0, f"{page}: {ran.returncode}\n{said[-6000:]}"
        took = time.monotonic() - began
        print(f"{page}: {len(tried)} blocks tried, {left_out} not ({took:.0f} s)", flush=True)
        return said


def secret(deployed, name):
    arn = deployed.resources[name]
    return json.loads(deployed.aws("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def actions(operator):
    log = operator.call("Account", "GET", "audit", query={"limit": "50"})["entries"]
    return [entry["action"] for entry in log]


def limits_are_raised(shell, operator):
    shell.run("raise-limits.md")
    limits = operator.call("Account", "GET", "settings")["limits"]
    assert (limits["recipientsPerCampaign"], limits["sendsPerSecond"]) == (1000, 50), limits


def a_pause_begins_and_ends(shell, operator):
    shell.run("pause-brand.md")
    assert operator.call("Account", "GET", "settings")["paused"] is False
    log = actions(operator)
    assert log.index("ACCOUNT_RESUMED") < log.index("ACCOUNT_PAUSED"), log


def webhooks_are_told_again(shell, operator):
    hook = {"url": "https://crm.example.com/overture", "disabled": True}
    operator.call("Webhook", "PUT", "webhooks/crm", hook, 201)
    said = shell.run("replay-webhooks.md")
    assert "\n202\n" in said, said
    assert operator.call("Webhook", "GET", "webhooks/crm")["state"] == "enabled"


def secrets_are_changed(shell, deployed, operator, sandbox):
    key = next(Path(sandbox).glob("AuthKey_*.p8"))
    shutil.copy(key, shell.folder)
    shutil.copy(key, shell.folder / "AuthKey.p8")
    shutil.copy(Path(sandbox, "service-account.json"), shell.folder)
    made = operator.call("Account", "POST", "clients", {"name": "old", "roles": ["admin"]}, 201)
    names = ("TokenSecret", "WebhookSecret", "OperatorSecret")
    before = {name: secret(deployed, name) for name in names}
    app = operator.call("Account", "GET", f"apps/{story.SHOP}")
    shell.run(
        "rotate-secrets.md",
        client=made["clientId"],
        app=story.SHOP,
        key_id=key.stem.split("_")[1],
    )
    after = {name: secret(deployed, name) for name in names}
    for name in names:
        assert before[name] != after[name], name
    assert after["TokenSecret"]["previous"] == "", "the old key is dropped"
    assert after["OperatorSecret"]["client_id"] == before["OperatorSecret"]["client_id"]
    log = operator_again(deployed)
    changed = log.call("Account", "GET", f"apps/{story.SHOP}")
    assert changed["ios"]["credential"] != app["ios"]["credential"], changed
    for wanted in ("CLIENT_ROTATED", "WEBHOOK_ROTATED", "APP_SAVED"):
        assert wanted in actions(log), wanted
    return log


def operator_again(deployed):
    """A session with the operator's new secret."""
    kept = secret(deployed, "OperatorSecret")

    def look():
        try:
            token = deployed.token(kept["client_id"], kept["client_secret"])
            session = story.Person(deployed, token)
            session.call("Account", "GET", "settings")
            return session
        except AssertionError:
            return None

    # A token of a key that is not known makes a process read the keys, once in ten seconds.
    return story.until("the operator's new secret", look)


def dead_letters_are_seen_and_put_back(shell, deployed):
    stream = deployed.aws("dynamodb").describe_table(TableName=deployed.outputs["TableName"])
    arn = stream["Table"]["LatestStreamArn"]
    streams = deployed.aws("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator, Limit=5)["Records"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    info = {
        "streamArn": arn,
        "shardId": shard,
        "startSequenceNumber": numbers[0],
        "endSequenceNumber": numbers[-1],
    }
    dead = deployed.resources["SendDeadLetters"]
    deployed.aws("sqs").send_message(QueueUrl=dead, MessageBody="no job at all")
    tally = deployed.resources["Tally"]
    said = shell.run("dead-letters.md", info=json.dumps(info), function=tally)
    assert "no job at all" in said, said
    assert '"batchItemFailures":[]' in said.replace(" ", ""), said
    story.nothing_is_dead(deployed)


def a_table_is_restored(shell, deployed):
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = shell.run("restore.md", at=at, restored="overture-restored")
    # The first story's campaign, whose lookback is a day.
    assert re.search(r"^[1-9][0-9]* campaigns$", said, re.M), said
    tables = deployed.aws("dynamodb").list_tables()["TableNames"]
    assert "overture-restored" not in tables, tables


def of_brands(region):
    """The brands' secrets of a region, by their names."""
    client = boto3.client("secretsmanager", region_name=region)
    found = client.list_secrets(Filters=[{"Key": "name", "Values": ["overture/"]}])
    names = [kept["Name"] for kept in found["SecretList"]]
    return {name: client.get_secret_value(SecretId=name)["SecretString"] for name in names}


def secrets_come_along_to_another_region(shell):
    shell.run("move-region.md")
    here, there = of_brands("eu-west-1"), of_brands("eu-central-1")
    assert here, "brands have secrets"
    assert {name: text.strip() for name, text in here.items()} == there, (list(here), list(there))


def nothing_is_left_of_an_account(shell, deployed, removal):
    kept = secret(deployed, "OperatorSecret")
    story.ACCOUNT = "leaving"
    operator = story.Person(deployed, deployed.token(kept["client_id"], kept["client_secret"]))
    operator.call("Account", "PUT", "skills/sales", {})
    operator.call("Account", "PUT", "settings", {"defaultSkill": "sales"})
    operator.call("Account", "POST", "clients", {"name": "crm", "roles": ["admin"]}, 201)
    deployed.secret("overture/leaving/apns", "a key")
    said = shell.run("delete-account.md", account="leaving", removal=removal)
    assert re.search(r"^[1-9][0-9]* items of leaving removed$", said, re.M), said
    assert "\n0 items of leaving\n" in said, said
    found = deployed.aws("secretsmanager").list_secrets(
        Filters=[{"Key": "name", "Values": ["overture/leaving/"]}]
    )
    assert found["SecretList"] == [], found
    story.ACCOUNT = "acme"


def main(name, template, port, sandbox, removal):
    deployed = story.Deployed(name)
    kept = secret(deployed, "OperatorSecret")
    operator = story.Person(deployed, deployed.token(kept["client_id"], kept["client_secret"]))
    with tempfile.TemporaryDirectory() as folder:
        names = {"stack": name, "account": story.ACCOUNT, "API": gateway(deployed, template)}
        shell = Shell(Path(folder), names)
        limits_are_raised(shell, operator)
        a_pause_begins_and_ends(shell, operator)
        webhooks_are_told_again(shell, operator)
        operator = secrets_are_changed(shell, deployed, operator, sandbox)
        shell.run("paused-app.md", app=story.SHOP)
        dead_letters_are_seen_and_put_back(shell, deployed)
        a_table_is_restored(shell, deployed)
        secrets_come_along_to_another_region(shell)
        nothing_is_left_of_an_account(shell, deployed, removal)


if __name__ == "__main__":
    main(*sys.argv[1:])
