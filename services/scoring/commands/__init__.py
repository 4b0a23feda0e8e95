"""Use cases of scoring, by aggregate: each loads, asks the rules, changes and records."""
