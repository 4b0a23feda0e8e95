"""Use cases of notification, by aggregate: each loads, asks the rules, changes and records."""
