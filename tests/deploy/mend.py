"""What MiniStack does otherwise than AWS, made up for in the template that `sam build` made:
`mend.py TEMPLATE MENDED`."""

import json
import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse


def mended(value, secrets, defaults):
    """The value as it is, but for these."""
    if isinstance(value, list):
        return [mended(one, secrets, defaults) for one in value]
    if not isinstance(value, dict):
        return value
    # AWS answers with the ARN in both cases, MiniStack with a name in the first.
    if value.get("Ref") in secrets:
        return {"Fn::GetAtt": [value["Ref"], "Id"]}
    value = {name: mended(one, secrets, defaults) for name, one in value.items()}
    # A batch of messages needs the right to send one; MiniStack asks for one of its own.
    if "Effect" in value and "sqs:SendMessage" in str(value.get("Action")):
        actions = value["Action"]
        actions = actions if isinstance(actions, list) else [actions]
        value["Action"] = [*actions, "sqs:SendMessageBatch"]
    # AWS makes a number of a parameter, MiniStack leaves it text.
    for name in ("MaximumConcurrency", "MaximumBatchingWindowInSeconds"):
        if isinstance(value.get(name), dict):
            value[name] = defaults[value[name]["Ref"]]["Default"]
    # So that the story need not wait for five.
    if value.get("ScheduleExpression") == "rate(5 minutes)":
        value["ScheduleExpression"] = "rate(1 minute)"
    return value


source, target = map(Path, sys.argv[1:])
template = yaml_parse(source.read_text())
resources = template["Resources"]
secrets = {name for name, one in resources.items() if one["Type"] == "AWS::SecretsManager::Secret"}
# It has no alarms on more than one metric.
for name, one in list(resources.items()):
    if one["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in one["Properties"]:
        del resources[name]
# It has no CodeDeploy. Aliases and versions it has: a deployment moves an alias at once.
del template["Globals"]["Function"]["DeploymentPreference"]
# It speaks no TLS here, and would keep to the policies that want it.
for name, one in list(resources.items()):
    if "aws:SecureTransport" in str(one) and one["Type"].endswith("Policy"):
        del resources[name]
target.write_text(json.dumps(mended(template, secrets, template["Parameters"]), indent=2))
