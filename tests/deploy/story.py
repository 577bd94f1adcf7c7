"""The first story through a deployed stack: `story.py STACK CONTROL_PORT SANDBOX_FOLDER`.

A handoff, a campaign, pushes at the sandbox's gateways, what devices report, a reply, an agent,
and the reports. Functions behind the API are invoked with the events that API Gateway makes of
requests; stream, queue, schedule and topic work as they are deployed.
"""

import json
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

import boto3

ACCOUNT = "acme"
SHOP = "com.example.shop"
PATIENCE = 180


def control(port, method, path, body=None):
    """A call to the sandbox's control API."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{port}/control/{path}"
    request = urllib.request.Request(url, data, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or "null")


def until(what, look, patience=PATIENCE):
    """What `look` finds, once it does."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.2)


def http_event(by, method, path, query, headers, body):
    """A request as API Gateway gives it to a function, of whoever `by` says."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path),
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": by,
            },
            "requestId": by,
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "body": body,
        "isBase64Encoded": False,
    }


class Deployed:
    """A stack of CloudFormation, and what is in it."""

    def __init__(self, name):
        self.clients = {}
        summaries = self.aws("cloudformation").get_paginator("list_stack_resources")
        pages = summaries.paginate(StackName=name)
        self.resources = {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages
            for found in page["StackResourceSummaries"]
        }
        stack = self.aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def aws(self, service):
        return self.clients.setdefault(service, boto3.client(service))

    def call(self, function, method, path, token=None, body=None, query=None, status=200):
        """A request, as API Gateway gives it to a function; the answer's body."""
        headers = {"host": "api.example.com", "content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if isinstance(body, str):
            headers["content-type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            body = json.dumps(body)
        query = urlencode(query or {})
        event = http_event("story", method, path, query, headers, body)
        invoked = self.aws("lambda").invoke(
            FunctionName=self.resources[function], Payload=json.dumps(event)
        )
        answer = json.loads(invoked["Payload"].read())
        what = f"{function}: {method} {path}"
        assert "FunctionError" not in invoked, f"{what}: {answer}"
        assert answer["statusCode"] == status, f"{what}: {answer}"
        return json.loads(answer.get("body") or "null")

    def token(self, client, secret):
        path = f"/sentinel/api/account/{ACCOUNT}/app/token"
        form = urlencode({"client_id": client, "client_secret": secret})
        query = {"v": "1.0", "grant_type": "client_credentials"}
        return self.call("Token", "POST", path, body=form, query=query)["access_token"]

    def secret(self, name, value):
        return self.aws("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]

    def told(self, words):
        """Whether a function has written a line with these words."""
        pages = self.aws("logs").get_paginator("filter_log_events")
        lines = pages.paginate(logGroupName=self.resources["Logs"])
        return any(words in line["message"] for page in lines for line in page["events"])


class Person:
    """Whose token goes with each call."""

    def __init__(self, deployed, token):
        self.deployed = deployed
        self.bearer = token

    def call(self, function, method, path, body=None, status=200, query=None):
        base = "" if path.startswith("/") else f"/api/v2/account/{ACCOUNT}/"
        path = quote(base + path)
        return self.deployed.call(function, method, path, self.bearer, body, query, status)


def set_up(deployed, port, sandbox):
    """The brand's account; a session of its administrator."""
    secret = deployed.aws("secretsmanager").get_secret_value(
        SecretId=deployed.outputs["OperatorSecretArn"]
    )
    operator = json.loads(secret["SecretString"])
    operator = Person(deployed, deployed.token(operator["client_id"], operator["client_secret"]))
    for skill in ("sales", "support"):
        operator.call("Account", "PUT", f"skills/{skill}", {})
    settings = {"defaultSkill": "support", "welcomeMessage": "Welcome!"}
    operator.call("Account", "PUT", "settings", settings)
    key = next(Path(sandbox).glob("AuthKey_*.p8"))
    service = Path(sandbox, "service-account.json").read_text()
    issuer = control(port, "GET", "")["gateways"]["identity"]
    team = next(line for line in Path(sandbox + ".log").read_text().splitlines() if "(team" in line)
    app = {
        "ios": {
            "route": "apns",
            "teamId": team.split("(team ")[1].rstrip(")"),
            "keyId": key.stem.split("_")[1],
            "topic": SHOP,
            "credential": deployed.secret(f"overture/{ACCOUNT}/apns", key.read_text()),
        },
        "android": {
            "route": "fcm",
            "projectId": json.loads(service)["project_id"],
            "credential": deployed.secret(f"overture/{ACCOUNT}/fcm", service),
        },
        "identity": {
            "issuer": issuer,
            "audience": f"overture-{ACCOUNT}",
            "jwksUri": f"{issuer}/jwks.json",
        },
    }
    operator.call("Account", "PUT", f"apps/{SHOP}", app)
    return operator


def client(operator, body):
    """A session of an API client of the brand."""
    made = operator.call("Account", "POST", "clients", body, 201)
    token = operator.deployed.token(made["clientId"], made["clientSecret"])
    return Person(operator.deployed, token)


def consumer(deployed, port, name):
    now = int(time.time())
    claims = {
        "iss": control(port, "GET", "")["gateways"]["identity"],
        "sub": name,
        "aud": f"overture-{ACCOUNT}",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    return Person(deployed, control(port, "POST", "identity/tokens", claims)["token"])


def taken(port, gateway, backend="prmsg"):
    """The pushes that a gateway took: of campaigns, or of the chat."""
    pushes = [push for push in control(port, "GET", "pushes") if push["gateway"] == gateway]
    return [push for push in pushes if push["status"] == 200 and backend in json.dumps(push["payload"])]


HANDOFF = {
    "name": "Spring",
    "lookbackPeriodDay": 1,
    "lookbackPeriodHour": 0,
    "channels": [
        {
            "type": "inapp",
            "appNames": [SHOP],
            "language": "en-GB",
            "messageComponents": [
                {
                    "type": "text",
                    "messageText": "Dear ${{1}}, shall we talk? 👋🏽",
                    "notificationTitle": "News for you",
                    "notificationMessage": "",
                    "isSameMessageForNotification": True,
                    "variables": ["1"],
                }
            ],
        }
    ],
}


def subscribe(deployed):
    """A queue that hears what the topic tells of the skill `sales`."""
    sqs, sns = deployed.aws("sqs"), deployed.aws("sns")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    topic = deployed.outputs["EventsTopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = arn["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": '{"skill": ["sales"]}'},
    )
    return url


def a_campaign_reaches_both(deployed, port, admin, ana, ben):
    ana.call("Consumer", "PUT", "me/devices/ana-phone", {
        "appName": SHOP, "platform": "ios", "environment": "production", "pushToken": "a0" * 32,
    })
    ben.call("Consumer", "PUT", "me/devices/ben-phone", {
        "appName": SHOP, "platform": "android", "pushToken": "ben:APA91b" + "-" * 120,
    })
    handoff = admin.call("CreateHandoff", "POST", "handoffs", HANDOFF, 201)["id"]
    recipient = lambda name: {"consumerContent": {"inapp": name}, "variables": {"1": name}}
    made = admin.call("CreateCampaign", "POST", "campaign", {
        "campaignName": "First", "skill": "sales", "templateId": handoff, "consent": True,
        "consumers": [recipient(name) for name in ("ana", "ben", "stranger")],
    }, 202)
    assert made["failedConsumers"] == [], made
    apple = until("a push to Apple", lambda: taken(port, "apns"))
    google = until("a push to Google", lambda: taken(port, "fcm"))
    assert len(apple) == len(google) == 1, (apple, google)
    assert apple[0]["payload"]["aps"]["alert"]["body"] == "Dear ana, shall we talk? 👋🏽", apple
    return made


def counted(admin, made, **wanted):
    """Waits until the campaign's counts are these; they add up all along."""
    path = f"campaign/{made['proactiveCampaignId']}"
    states = ["queued", "sending", "held", "sent", "failed", "skipped", "expired", "cancelled"]

    def look():
        counts = admin.call("CreateCampaign", "GET", path)["counts"]
        assert sum(counts[state] for state in states) == counts["accepted"] == 3, counts
        return all(counts[name] == count for name, count in wanted.items())

    until(f"counts {wanted}", look)


def the_device_reports(ana):
    inbox = ana.call("Consumer", "GET", "me/messages")
    assert inbox["unread"] == 1, inbox
    message = inbox["messages"][0]["id"]
    for kind in ("DELIVERED", "READ"):
        body = {"type": kind, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        ana.call("Consumer", "POST", f"me/messages/{message}/events", body, 204)


def the_reply_is_heard(deployed, port, listener, ana, agent):
    said = ana.call("Reply", "POST", "me/conversation/messages", {"text": "Yes, please! 🙏"}, 201)
    assert said["skill"] == "sales", said
    sqs = deployed.aws("sqs")
    heard = lambda: sqs.receive_message(QueueUrl=listener, WaitTimeSeconds=5).get("Messages")
    event = json.loads(until("word of the conversation", heard)[0]["Body"])
    assert said["conversationId"] in json.dumps(event), event
    queue = agent.call("Agent", "GET", "conversations", query={"skill": "sales"})["conversations"]
    assert [entry["id"] for entry in queue] == [said["conversationId"]], queue
    path = f"conversations/{said['conversationId']}"
    agent.call("Agent", "POST", f"{path}/accept")
    seen = agent.call("Agent", "GET", path)
    assert seen["campaignInfo"]["campaignName"] == "First", seen
    texts = [entry["text"] for entry in seen["transcript"]]
    assert texts == ["Dear ana, shall we talk? 👋🏽", "Yes, please! 🙏"], seen
    agent.call("Agent", "POST", f"{path}/messages", {"text": "Gladly 😀"}, 201)
    until("the chat's push", lambda: taken(port, "apns", '"ams"'))
    agent.call("Agent", "POST", f"{path}/close")


def the_reports_agree(admin, made):
    path = f"/api/account/{ACCOUNT}/app/prmsg/campaigns/{made['proactiveCampaignId']}/"
    reported = admin.call("Report", "GET", path)
    assert made["proactiveCampaignId"] in json.dumps(reported), reported
    return reported


def nothing_is_dead(deployed):
    for queue in ("SendDeadLetters", "StreamDeadLetters"):
        attributes = deployed.aws("sqs").get_queue_attributes(
            QueueUrl=deployed.resources[queue], AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0", queue


def bad_parameters_are_refused(deployed, name):
    """Each of these changes nothing."""
    cloudformation = deployed.aws("cloudformation")
    now = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
    names = [parameter["ParameterKey"] for parameter in now]
    for bad in (
        {"Stage": "Production!"},
        {"Stage": "prod"},  # Without DeletionProtection.
        {"Architecture": "riscv"},
        {"LogRetentionDays": "2"},
        {"RetentionDays": "30"},
        {"SendConcurrency": "1"},
        {"AlarmEmail": "nobody"},
        {"DomainName": "api.example.com"},  # Without a certificate.
        {"HostedZoneId": "Z0123456789"},  # Without a name.
        {"FcmUrl": "fcm.googleapis.com"},
    ):
        old = [{"ParameterKey": key, "UsePreviousValue": True} for key in names if key not in bad]
        new = [{"ParameterKey": key, "ParameterValue": value} for key, value in bad.items()]
        try:
            cloudformation.update_stack(
                StackName=name,
                UsePreviousTemplate=True,
                Parameters=old + new,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except cloudformation.exceptions.ClientError as refused:
            error = refused.response["Error"]
            assert error["Code"] == "ValidationError", error
            assert "No updates" not in error["Message"], error
        else:
            raise AssertionError(f"taken: {bad}")


def play(name, port, sandbox):
    deployed = Deployed(name)
    operator = set_up(deployed, port, sandbox)
    admin = client(operator, {"name": "crm", "roles": ["admin"]})
    agent = client(operator, {"name": "desk", "roles": ["agent"], "skills": ["sales"]})
    ana, ben = consumer(deployed, port, "ana"), consumer(deployed, port, "ben")
    listener = subscribe(deployed)
    print("an account with an app")
    made = a_campaign_reaches_both(deployed, port, admin, ana, ben)
    counted(admin, made, sent=2, failed=1)
    print("stream, queue: a campaign's pushes at Apple's and Google's gateways")
    the_device_reports(ana)
    counted(admin, made, delivered=1, read=1)
    print("stream: what the device reports is counted")
    the_reply_is_heard(deployed, port, listener, ana, agent)
    counted(admin, made, responded=1)
    print("topic: a reply is heard of, and an agent answers")
    the_reports_agree(admin, made)
    print("a report")
    until("the sweep", lambda: deployed.told("looked at 0 campaigns"))
    print("schedule: the sweep")
    nothing_is_dead(deployed)
    bad_parameters_are_refused(deployed, name)
    print("bad parameters are refused")


if __name__ == "__main__":
    if sys.argv[1] == "--gateway":
        print(control(sys.argv[3], "GET", "")["gateways"][sys.argv[2]])
    else:
        play(sys.argv[1], sys.argv[2], sys.argv[3])
