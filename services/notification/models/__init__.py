"""The tables that notification owns, by aggregate."""
