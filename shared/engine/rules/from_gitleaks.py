"""Writes gitleaks' default rules as the table that `src/redact/known.rs` reads.

    python3 from_gitleaks.py VERSION < config/gitleaks.toml > gitleaks.tsv

Left out: rules that only look at paths; `generic-api-key`, since what is named as a secret is masked by our own rules; and all
allowlists, since an example that is masked harms nobody. Changed: a secret ends before whatever could not go on with it, such as
the punctuation of prose, JSON and URLs, and not only before quotes and spaces.
"""

import sys
import tomllib

END = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
ENDS = r"""(?:[^\w+/=-]|$)"""

config = tomllib.loads(sys.stdin.read().split("\n\x00")[0])
print(f"# The default rules of gitleaks {sys.argv[1]} (github.com/gitleaks/gitleaks), made by from_gitleaks.py.")
print("# MIT License, Copyright (c) 2019 Zachary Rice. id, least entropy, group of the secret, keywords, expression.")
for rule in config["rules"]:
    if "regex" not in rule or rule["id"] == "generic-api-key":
        continue
    assert rule.get("keywords"), rule["id"]
    fields = [
        rule["id"],
        str(rule.get("entropy", 0)),
        str(rule.get("secretGroup", 0)),
        " ".join(rule["keywords"]),
        rule["regex"].replace(END, ENDS),
    ]
    assert not any("\t" in field or "\n" in field for field in fields), rule["id"]
    print("\t".join(fields))
