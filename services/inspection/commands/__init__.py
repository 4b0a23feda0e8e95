"""Use cases of inspection, by aggregate: each loads, asks the rules, changes and records."""
