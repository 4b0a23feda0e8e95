"""Names that several services and outsiders share."""

INTAKE, SCORING, INSPECTION, NOTIFICATION = "intake", "scoring", "inspection", "notification"
SERVICES = (INTAKE, SCORING, INSPECTION, NOTIFICATION)
PARTNER_EVENTS, PARTNER_RECEIPTS = "partner.events", "partner.receipts"

GROUNDS = (
    "inspection_failed",
    "material_falsehood",
    "consumer_or_public_harm",
    "other_unlawful_or_dishonest",
)
OUTLETS = ("bar", "entry", "register", "status_list", "circular", "letter", "webhook")
