"""`audit`: a configuration, what it is audited for, and the rules; and the fixes of what they find."""
