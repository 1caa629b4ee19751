"""Rules for training configurations."""
