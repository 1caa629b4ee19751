"""What is wrong with an installed environment, found without importing a framework."""
