"""What inspection's routes take and give, by aggregate."""
