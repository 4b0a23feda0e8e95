"""Inspection's decisions: verdicts by the programme's policy, and a project's way after award."""
