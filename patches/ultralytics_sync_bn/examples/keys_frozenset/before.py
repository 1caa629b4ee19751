"""A frozen set over several lines."""

CFG_INT_KEYS = frozenset({"epochs", "seed"})
CFG_BOOL_KEYS = frozenset(
    {  # true or false
        "deterministic",
        "verbose",
        "rect",
    }
)


def checked(config):
    for key, value in config.items():
        if key in CFG_BOOL_KEYS and not isinstance(value, bool):
            raise TypeError(f"'{key}={value}' must be True or False")
    return config
