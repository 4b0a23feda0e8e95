"""Names that several services and outsiders share."""

INTAKE, SCORING, INSPECTION, NOTIFICATION = "intake", "scoring", "inspection", "notification"
SERVICES = (INTAKE, SCORING, INSPECTION, NOTIFICATION)
PARTNER_EVENTS, PARTNER_RECEIPTS = "partner.events", "partner.receipts"
