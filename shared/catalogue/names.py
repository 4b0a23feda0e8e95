"""The names of the services."""

INTAKE, SCORING, INSPECTION, NOTIFICATION = "intake", "scoring", "inspection", "notification"
SERVICES = (INTAKE, SCORING, INSPECTION, NOTIFICATION)
