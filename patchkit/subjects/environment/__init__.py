"""An installed environment and the machine it lies on, as files describe them: nothing is imported or started."""
