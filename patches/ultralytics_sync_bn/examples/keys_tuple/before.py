"""A tuple that fills its lines, without a comma at its end."""

CFG_INT_KEYS = ('epochs', 'seed')
CFG_BOOL_KEYS = ('deterministic', 'verbose', 'rect', 'cos_lr', 'overlap_mask',
                 'single_cls', 'half',
                 'plots')


def checked(config):
    for key, value in config.items():
        if key in CFG_BOOL_KEYS and not isinstance(value, bool):
            raise TypeError(f"'{key}={value}' must be True or False")
    return config
