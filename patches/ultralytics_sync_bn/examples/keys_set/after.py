"""A set, one key a line, with a comment behind its brace."""

CFG_INT_KEYS = {"epochs", "seed"}
CFG_BOOL_KEYS = {  # true or false
    "deterministic",
    "verbose",
    "rect",
    "sync_bn",
}


def checked(config):
    for key, value in config.items():
        if key in CFG_BOOL_KEYS and not isinstance(value, bool):
            raise TypeError(f"'{key}={value}' must be True or False")
    return config
