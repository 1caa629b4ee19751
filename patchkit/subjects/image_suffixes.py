"""Which files are images."""

# What the releases 8.0.0 to 8.4.190 take for an image (IMG_FORMATS in ultralytics/data/utils.py).
SUFFIXES = tuple(
    f".{suffix}"
    for suffix in (
        *("avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpeg2000", "jpg", "mpo", "pfm", "png", "tif", "tiff"),
        "webp",
    )
)
