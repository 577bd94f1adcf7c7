"""Lets `sam local` run functions on a local stack: `for-sam.py URL BUILD`, with the stack's URL and the
folder that `sam build` made. Beside what is there it writes `local.json`, the template for
`--template`, `env.json` for `--env-vars`, and the certificates that functions trust. Runs with SAM's
own Python."""

import json
import platform
import shutil
import sys
from pathlib import Path
from urllib.request import urlopen

from samtranslator.yaml_helper import yaml_parse

url, build = sys.argv[1], Path(sys.argv[2])
template = yaml_parse((build / "template.yaml").read_text())
with urlopen(f"{url}/_local/environment", timeout=30) as answer:
    environment = json.load(answer)

for function, variables in environment.items():
    properties = template["Resources"][function]["Properties"]
    # The function's own folder is all that its container sees of this machine.
    shutil.copy(variables["SSL_CERT_FILE"], build / properties["CodeUri"])
    variables["SSL_CERT_FILE"] = "/var/task/" + Path(variables["SSL_CERT_FILE"]).name
    # SAM sets no variable that the template does not name.
    named = properties.setdefault("Environment", {}).setdefault("Variables", {})
    for name in variables:
        named.setdefault(name, "")

# Processors are not emulated.
machine = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
template["Parameters"]["Architecture"]["Default"] = machine
(build / "local.json").write_text(json.dumps(template, indent=2))
(build / "env.json").write_text(json.dumps(environment, indent=2))
