"""The patch pipeline: locate, plan, apply, receipt. Planning is pure; `transaction` alone writes to a target."""
