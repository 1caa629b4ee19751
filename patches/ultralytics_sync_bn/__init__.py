"""Make `sync_bn` a training option of ultralytics."""
