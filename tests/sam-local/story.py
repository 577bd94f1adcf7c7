"""The first story over HTTP, at the API that `sam local start-api` serves from containers: `story.py
STACK API PID`, with the URL of the local stack whose tables, queues and gateways they use, the URL of
the API, and the process that serves it. The stack itself runs what follows from a write: `dispatch`,
`send` and `tally` are its own processes here."""

import json
import os
import sys
import time
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PATIENCE = 120


def call(url, method="GET", token=None, body=None, status=200):
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(body, str):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    request = Request(url, body and body.encode(), headers, method=method)
    try:
        with urlopen(request, timeout=60) as answer:
            given, text = answer.status, answer.read().decode()
    except HTTPError as refused:
        given, text = refused.code, refused.read().decode()
    assert given == status, f"{method} {url}: {given} {text}"
    return json.loads(text or "null")


def until(what, look):
    """What `look` finds, once it does."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.2)
    return found


def serves(api, process):
    """Whether the API answers; it does once every container is warm."""
    os.kill(process, 0)
    try:
        urlopen(f"{api}/api/v2/account/demo/skills", timeout=60).close()
    except HTTPError as refused:
        assert refused.code == 401, refused.read()
        return True
    except (URLError, OSError):
        return False
    raise AssertionError("a call without a token was answered")


def play(stack, api):
    base = f"{api}/api/v2/account/demo"
    someone = lambda **who: call(f"{stack}/_local/tokens", "POST", body={"account": "demo", **who})
    ana = someone(role="consumer", subject="ana")["access_token"]
    eve = someone(role="agent", subject="eve", skills=["sales"])["access_token"]

    # The client asks for its token, with its id and secret as the documented event has them.
    form = call(f"{stack}/_local/events/token")["body"]
    query = urlencode({"v": "1.0", "grant_type": "client_credentials"})
    path = f"{api}/sentinel/api/account/demo/app/token?{query}"
    token = call(path, "POST", body=form)["access_token"]
    print("a token")

    handoff = {
        "name": "Spring", "lookbackPeriodDay": 1, "lookbackPeriodHour": 0,
        "channels": [{
            "type": "inapp", "appNames": ["com.example.shop"], "language": "en-GB",
            "messageComponents": [{
                "type": "text", "messageText": "Dear ${{1}}, shall we talk? 👋🏽",
                "notificationTitle": "News for you", "notificationMessage": "",
                "isSameMessageForNotification": True, "variables": ["1"],
            }],
        }],
    }
    handoff = call(f"{base}/handoffs", "POST", token, handoff, 201)["id"]
    recipient = lambda name: {"consumerContent": {"inapp": name}, "variables": {"1": name}}
    made = call(f"{base}/campaign", "POST", token, {
        "campaignName": "First", "skill": "sales", "templateId": handoff, "consent": True,
        "consumers": [recipient(name) for name in ("ana", "ben")],
    }, 202)
    assert made["failedConsumers"] == [], made
    print("a handoff, a campaign")

    pushes = lambda: call(f"{stack}/_local/pushes?account=demo")
    taken = until("a push to Apple and one to Google", lambda: len(pushes()) == 2 and pushes())
    assert {push["gateway"] for push in taken} == {"apns", "fcm"}, taken
    assert "Dear ana, shall we talk? 👋🏽" in json.dumps(taken, ensure_ascii=False), taken
    print("its pushes at Apple's and Google's gateways, by the stack's own dispatch and send")

    inbox = call(f"{base}/me/messages", token=ana)
    assert [message["text"] for message in inbox["messages"]] == ["Dear ana, shall we talk? 👋🏽"], inbox
    said = call(f"{base}/me/conversation/messages", "POST", ana, {"text": "Yes, please! 🙏"}, 201)
    path = f"{base}/conversations/{said['conversationId']}"
    call(f"{path}/accept", "POST", eve)
    seen = call(path, token=eve)
    texts = [entry["text"] for entry in seen["transcript"]]
    assert texts == ["Dear ana, shall we talk? 👋🏽", "Yes, please! 🙏"], seen
    print("an inbox, a reply, an agent who sees what ana saw")

    path = f"{base}/campaign/{made['proactiveCampaignId']}"
    counted = lambda: call(path, token=token)["counts"]["sent"] == 2
    until("the campaign's counts", counted)
    path = f"{api}/api/account/demo/app/prmsg/campaigns/{made['proactiveCampaignId']}/analytics/"
    report = call(path, token=token)
    assert (report["attempted"], report["sent"]) == (2, 2), report
    print("counts and a report, by the stack's own tally")


if __name__ == "__main__":
    until("the API", lambda: serves(sys.argv[2], int(sys.argv[3])))
    play(sys.argv[1], sys.argv[2])
