"""What notification decides, by aggregate; pure functions over values."""
