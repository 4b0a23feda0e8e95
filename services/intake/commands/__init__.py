"""Use cases of intake, by aggregate: each loads, asks the rules, changes and records."""
